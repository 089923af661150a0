"""The command line; the only reader of the environment."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from deploy import tier as tier_
from deploy.cli_lazy import Lazy
from deploy.cli_options import data_option, read_settings, speaks_plainly
from deploy.settings import LOCAL_PARTITIONS, PREFIX, Settings

_ELSEWHERE = {
    "audit": "deploy.cli_audit:audit",
    "bench": "deploy.cli_bench:bench",
    "dead": "deploy.cli_dead:dead",
    "import": "deploy.cli_import:import_",
    "links": "deploy.cli_links:links",
    "profiles": "deploy.cli_profiles:profiles",
    "query": "deploy.cli_query:query",
    "replay": "deploy.cli_dead:replay",
    "sources": "deploy.cli_validations:sources",
    "tail": "deploy.cli_tail:tail",
    "tasks": "deploy.cli_tasks:tasks",
    "trace": "deploy.cli_trace:trace",
    "webhooks": "deploy.cli_webhooks:webhooks",
}
_STAND_INS = ("broker", "clickhouse")
_LOCAL_BROKER = (
    "For ONE machine: a stand-in that speaks Kafka's protocol, with a single node and no "
    "replicas. Beyond one machine Apache Kafka takes over: set HEADRACE_KAFKA."
)
_LOCAL_CLICKHOUSE = (
    "For ONE machine: an embedded ClickHouse behind ClickHouse's HTTP interface. Beyond one "
    "machine a ClickHouse server takes over: set HEADRACE_CLICKHOUSE."
)


def main() -> None:
    """Entry point of ``headrace``."""
    # Commands say in one sentence what went wrong; tiers set up a log of their own.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # The group's help carries the settings, so --help stays complete by itself.
    headrace.epilog = _settings_help()
    headrace(prog_name="headrace")


def _settings_help() -> str:
    rows = [
        f"{PREFIX}{f.name.upper()}: {f.metadata['doc']} (default: {f.default or 'none'})"
        for f in fields(Settings)
        if f.metadata
    ]
    return "Settings (environment variables, all optional):\n\n\b\n" + "\n".join(rows)


metrics_option = click.option(
    "--metrics-port", type=int, help="Serve /healthz, /readyz and /metrics there (0: a free port)."
)
host_option = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on."
)
worker_option = click.option(
    "--worker", type=int, default=1, show_default=True, help="Number of this worker, for its name."
)


@click.group(
    cls=Lazy,
    elsewhere=_ELSEWHERE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="headrace")
def headrace() -> None:
    """Event collection that a team can own: trackers in, Kafka through, ClickHouse out."""


@headrace.command()
@data_option
@host_option
@click.option("--port", default=8080, show_default=True, help="Events come in here.")
@click.option("--clickhouse-port", default=8123, show_default=True, help="SQL is asked here.")
@click.option("--kafka-port", default=9092, show_default=True, help="The log in between.")
@click.option("--workers", default=1, show_default=True, help="Processors.")
@click.option("--processes", default=1, show_default=True, help="Ingest processes.")
@speaks_plainly
def up(
    data: Path | None,
    host: str,
    port: int,
    clickhouse_port: int,
    kafka_port: int,
    workers: int,
    processes: int,
) -> None:
    """Run the whole pipeline on this machine, each tier its own process, supervised.

    Creates source `demo` on the first start. Prints `ready` when the first event would be
    accepted. Ctrl-C or SIGTERM drains and stops, a second one stops at once. With HEADRACE_KAFKA
    or HEADRACE_CLICKHOUSE set it uses those and starts no stand-in. Port 0 takes a free one.
    Country, region and city of an event stay empty unless HEADRACE_GEOIP names a MaxMind database
    or the tracker gives them.
    """
    from deploy.local.stack import Ports
    from deploy.up import up as run_up

    settings = read_settings(data=data, alone=True)
    if f"{PREFIX}PARTITIONS" not in os.environ:
        settings = replace(settings, partitions=LOCAL_PARTITIONS)
    ports = Ports(host, port, clickhouse_port, kafka_port)
    sys.exit(asyncio.run(run_up(settings, ports, workers=workers, processes=processes)))


@headrace.command()
@host_option
@click.option("--port", default=8080, show_default=True, help="Port to listen on.")
@click.option("--processes", default=1, show_default=True, help="Processes that share the port.")
@click.option("--fd", type=int, hidden=True, help="Listening socket inherited from a supervisor.")
@speaks_plainly
def ingest(host: str, port: int, processes: int, fd: int | None) -> None:
    """HTTP in: check, publish to Kafka, and say 200 only when the event is safe."""
    settings = read_settings()
    if processes > 1:
        from deploy.up import ingest_processes

        sys.exit(asyncio.run(ingest_processes(settings, host, port, processes)))
    _run("ingest", settings, host=host, port=port, fd=fd)


@headrace.command()
@host_option
@metrics_option
@worker_option
@click.option(
    "--store",
    type=click.Choice(["memory", "rocksdb"]),
    help="Where the state of visitors is: in memory, or on disk in the data directory, where it "
    "takes little memory and a restarted worker finds it again. [default: HEADRACE_STORE]",
)
@speaks_plainly
def process(host: str, metrics_port: int | None, worker: int, store: str | None) -> None:
    """Topic to topic: decode, identify, sessionise. To scale, start another."""
    settings = read_settings()
    settings = replace(settings, store=store or settings.store)
    _run("process", settings, host=host, metrics_port=metrics_port, worker=worker)


@headrace.command()
@host_option
@metrics_option
@worker_option
@speaks_plainly
def sink(host: str, metrics_port: int | None, worker: int) -> None:
    """Topic to table: batches into ClickHouse, nothing lost, nothing doubled."""
    _run("sink", read_settings(), host=host, metrics_port=metrics_port, worker=worker)


@headrace.command()
@host_option
@metrics_option
@speaks_plainly
def bridge(host: str, metrics_port: int | None) -> None:
    """Kafka in: read the topics that are event sources. To scale, start another.

    All sources of bridge kafka, see `headrace sources create --help`; each has a consumer group
    in its cluster, which shares the partitions of its topic among the workers. A record is
    committed when its events are acknowledged, and has the same event ids whenever it comes.
    """
    from deploy.bridge.tier import bridge as work

    tier_.run(
        "bridge",
        read_settings(),
        lambda tier: work(tier, host=host, metrics_port=metrics_port),
    )


@headrace.command(help=f"The embedded broker. {_LOCAL_BROKER}")
@data_option
@host_option
@click.option("--port", default=9092, show_default=True, help="Port to listen on.")
@metrics_option
@speaks_plainly
def broker(data: Path | None, host: str, port: int, metrics_port: int | None) -> None:
    """Run the stand-in for Apache Kafka."""
    settings = read_settings(data=data)
    _run("broker", settings, host=host, port=port, metrics_port=metrics_port)


@headrace.command(help=f"The embedded ClickHouse. {_LOCAL_CLICKHOUSE}")
@data_option
@host_option
@click.option("--port", default=8123, show_default=True, help="Port to listen on.")
@speaks_plainly
def clickhouse(data: Path | None, host: str, port: int) -> None:
    """Run the stand-in for a ClickHouse server."""
    _run("clickhouse", read_settings(data=data), host=host, port=port)


def _run(name: str, settings: Settings, **options: Any) -> None:
    from importlib import import_module

    module = import_module("deploy.local.tiers" if name in _STAND_INS else "deploy.tiers")
    work: Callable[..., Awaitable[None]] = getattr(module, name)
    tier_.run(name, settings, lambda tier: work(tier, **options))


@headrace.command()
@speaks_plainly
def init() -> None:
    """Declare topics and tables; safe to repeat, and also the migration."""
    from deploy.init import initialise

    topics, applied = asyncio.run(initialise(read_settings()))
    for kind, names in (("topic", topics), ("migration", applied)):
        for name in names:
            click.echo(f"{kind} {name}")
    click.echo(f"{len(topics)} topics and {len(applied)} migrations were new; all is in place.")


@headrace.command("admin-key")
@click.option("--new", is_flag=True, help="Draw another; the old one is refused from then on.")
@data_option
@speaks_plainly
def admin_key(new: bool, data: Path | None) -> None:
    """Say where the admin key comes from, which lets in to /api; or draw a new one."""
    from deploy.admin_key import draw_admin_key, where

    settings = read_settings(data=data)
    if new and settings.admin_key:
        raise click.ClickException("HEADRACE_ADMIN_KEY is set: change it there, on every tier")
    click.echo(draw_admin_key(settings) if new else where(settings))
