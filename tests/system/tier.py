"""One tier in the foreground, as a container or another supervisor would run it."""

import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.contracts.leash import Leashed
from tests.system.eventually import eventually
from tests.system.pipeline import HEADRACE, environment

_READY_SECONDS = 60.0
_READY = re.compile(r" is ready(?:.*\bport=(\d+))?")


class Tier:
    """A running `headrace <tier>`; it says on standard error when it does its work.

    `under` is a command that becomes the tier, given the tier's as its arguments.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str],
        *arguments: str,
        under: Sequence[str] = (),
    ) -> None:
        self._log = directory / f"{'-'.join(arguments[:1])}.txt"
        command = [*under, HEADRACE, *arguments]
        self._process = Leashed(command, self._log, env=environment(settings))

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def wait_ready(self) -> int:
        """Wait for its word; return the port it listens on, 0 when it has none."""
        eventually(
            lambda: not self.running or _READY.search(self.log),
            within=_READY_SECONDS,
            what=f"the tier that logs to {self._log} is ready",
        )
        found = _READY.search(self.log)
        assert found is not None, f"the tier ended early:\n{self.log}"
        return int(found[1] or 0)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self) -> int:
        return self._process.stop()

    def kill(self) -> int:
        return self._process.kill()


@contextmanager
def running(
    directory: Path, settings: Mapping[str, str], *arguments: str, under: Sequence[str] = ()
) -> Iterator[Tier]:
    """Start a tier; whatever happens in the block, it is gone afterwards."""
    tier = Tier(directory, settings, *arguments, under=under)
    try:
        yield tier
    finally:
        tier.kill()


@contextmanager
def clickhouse_alone(data: Path) -> Iterator[str]:
    """Serve the tables of a pipeline that has ended; its address.

    With no other tier alive, what is in the tables got there before the pipeline ended.
    """
    arguments = ("clickhouse", "--data", str(data), "--port", "0")
    with running(data, {}, *arguments) as tier:
        yield f"http://127.0.0.1:{tier.wait_ready()}"
        assert tier.stop() == 0, tier.log
