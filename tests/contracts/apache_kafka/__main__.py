"""Run Apache Kafka in the foreground: `python -m tests.contracts.apache_kafka`."""

import os
import signal
import sys
import threading
from pathlib import Path

import click

from tests.contracts.apache_kafka import jars
from tests.contracts.apache_kafka.apache_kafka import ApacheKafka, CannotStart, temporary

_LOOK_SECONDS = 0.5


@click.command()
@click.option("--port", type=int, default=None, help="Port on 127.0.0.1; a free one if left out.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Directory to keep between runs; a temporary one if left out.",
)
def main(port: int | None, data: Path | None) -> None:
    """Run a single Apache Kafka node (KRaft) until Ctrl-C, SIGTERM or the end of the caller.

    The first line on standard output is its bootstrap address.
    """
    missing = jars.missing_tools()
    if missing:
        sys.exit(f"{' and '.join(missing)} not found: install a JDK (17 or newer) and Maven")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    caller = os.getppid()
    node = temporary(port) if data is None else ApacheKafka(data.resolve(), port)
    try:
        with node as kafka:
            click.echo(kafka.address)
            click.echo(f"{kafka.name} runs; Ctrl-C stops it. For the tests:", err=True)
            click.echo(f"  HEADRACE_TEST_KAFKA={kafka.address} make test", err=True)
            while not stop.wait(_LOOK_SECONDS) and os.getppid() == caller:
                if not kafka.running:
                    sys.exit(f"{kafka.name} ended by itself:\n{kafka.tail()}")
    except (CannotStart, jars.Unresolved) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
