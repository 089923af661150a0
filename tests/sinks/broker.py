"""The broker stand-in in a process of its own."""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Self

from tests.contracts.leash import Leashed

_START_SECONDS = 20.0
_POLL_SECONDS = 0.02


class BrokerProcess:
    """A broker on a free port, with its data in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: Leashed | None = None
        self.address = ""

    def __enter__(self) -> Self:
        log = self._directory / "broker.log"
        data = str(self._directory / "data")
        process = self._process = Leashed([sys.executable, "-m", "tests.sinks.broker", data], log)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.running:
            for line in log.read_text().splitlines():
                if line.startswith("ready "):
                    self.address = f"127.0.0.1:{line.split()[1]}"
                    return self
            time.sleep(_POLL_SECONDS)
        process.kill()
        raise RuntimeError(f"the broker did not get ready:\n{process.tail()}")

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.stop()


async def _main() -> None:
    from deploy.local.broker.server import BrokerConfig, serve  # noqa: PLC0415 - not in pytest

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = BrokerConfig(data=Path(sys.argv[1]), host="127.0.0.1", port=0)
    await serve(config, ready=lambda port: print("ready", port, flush=True), stop=stop)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_main())
