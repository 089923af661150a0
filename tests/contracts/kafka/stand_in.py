"""The stand-in broker in a process of its own, so that laws may kill it."""

import sys
from pathlib import Path
from typing import Self

from tests.contracts.apache_kafka.apache_kafka import free_ports
from tests.contracts.leash import Leashed
from tests.contracts.wire import wait_until_answers

_START_SECONDS = 20.0


class StandIn:
    """`deploy.local.broker` on one data directory and one port for all its lives."""

    tuned = True
    restartable = True

    def __init__(self, directory: Path) -> None:
        self.name = "the stand-in"
        self._directory = directory
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self._process: Leashed | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self) -> None:
        if self.running:
            return
        _, _, port = self.address.rpartition(":")
        process = self._process = Leashed(
            [
                sys.executable,
                "-m",
                "tests.contracts.kafka.serve_stand_in",
                str(self._directory / "data"),
                port,
            ],
            self._directory / "broker.log",
        )
        if not wait_until_answers(self.address, lambda: process.running, _START_SECONDS):
            process.kill()
            raise RuntimeError(f"{self.name} does not answer at {self.address}:\n{process.tail()}")

    def stop(self) -> None:
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
