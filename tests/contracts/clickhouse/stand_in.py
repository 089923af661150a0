"""The ClickHouse stand-in in a process of its own, so that laws may kill it."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.contracts.leash import Leashed

WRITER = ("writer", "wr1ter's söcret")
_START_SECONDS = 30.0
_POLL_SECONDS = 0.02


class StandIn:
    """``deploy.local.clickhouse`` on one directory, on a new free port in each of its lives."""

    name = "the stand-in"
    host = "127.0.0.1"
    writer = WRITER
    reader = ("default", "")

    def __init__(self, directory: Path, *, wrapper: Sequence[str] = ()) -> None:
        self.data = directory / "data"
        self._log = directory / "clickhouse.log"
        self._wrapper = wrapper
        self._process: Leashed | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def launch(self) -> Leashed:
        """Start the process without waiting for it."""
        self._log.unlink(missing_ok=True)
        arguments = ["--data", str(self.data), "--port", "0", "--writer-user", WRITER[0]]
        return Leashed(
            [*self._wrapper, sys.executable, "-m", "deploy.local.clickhouse", *arguments],
            self._log,
            env={**os.environ, "HEADRACE_CLICKHOUSE_PASSWORD": WRITER[1]},
        )

    def start(self) -> None:
        process = self._process = self.launch()
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.running:
            for line in self._log.read_text().splitlines():
                if line.startswith("ready "):
                    self.port = int(line.split()[1])
                    return
            time.sleep(_POLL_SECONDS)
        process.kill()
        raise RuntimeError(f"{self.name} did not get ready:\n{process.tail()}")

    def stop(self) -> int:
        assert self._process is not None
        return self._process.stop()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def log(self) -> str:
        """Everything the process printed in this life."""
        return self._log.read_text()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
