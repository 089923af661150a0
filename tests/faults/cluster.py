"""Tiers as separate processes beside one broker, added and removed one by one."""

import contextlib
import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.system.pipeline import headrace
from tests.system.tier import Tier, running

TIERS = ("ingest", "process", "sink")
_OPTIONS: Mapping[str, Callable[[int], tuple[str, ...]]] = {
    "ingest": lambda _: ("--port", "0"),
    "process": lambda number: ("--worker", str(number)),
    "sink": lambda number: ("--worker", str(number)),
}


class Cluster:
    """Any number of each tier; `kafka` is somebody's, ClickHouse its own."""

    def __init__(self, directory: Path, stack: ExitStack, kafka: str) -> None:
        self._directory = directory
        self._stack = stack
        self._starts = 0
        self._ports: dict[tuple[str, int], int] = {}
        self.tiers: dict[tuple[str, int], Tier] = {}
        self.settings = {
            "HEADRACE_SECRET": secrets.token_hex(16),
            "HEADRACE_DATA": str(directory / "data"),
            "HEADRACE_KAFKA": kafka,
            "HEADRACE_PREFIX": f"cluster-{secrets.token_hex(4)}",
            "HEADRACE_PARTITIONS": "6",
            "HEADRACE_CLICKHOUSE": "http://writer:pass@127.0.0.1:0/headrace",
        }
        database = self._run("clickhouse", "--port", "0")
        self.clickhouse = f"http://127.0.0.1:{database.wait_ready()}"
        self.settings["HEADRACE_CLICKHOUSE"] = (
            self.clickhouse.replace("//", "//writer:pass@") + "/headrace"
        )
        self.headrace("init")

    def headrace(self, *arguments: str) -> None:
        """Run a command to its end."""
        done = headrace(*arguments, **self.settings)
        assert done.returncode == 0, done.stderr

    def url(self) -> str:
        """Address of any ingest."""
        ports = [port for name, port in list(self._ports.items()) if name in self.tiers]
        return f"http://127.0.0.1:{random.choice(ports)}"  # noqa: S311 - not a secret

    def add(self, *names: tuple[str, int]) -> None:
        """Start tiers, all at once, and wait until they do their work."""
        for name in names:
            tier, number = name
            started = self._run(tier, *_OPTIONS[tier](number))
            self.tiers[name] = started
        for name in names:
            port = self.tiers[name].wait_ready()
            if name[0] == "ingest":
                self._ports[name] = port

    def remove(self, *names: tuple[str, int]) -> None:
        """End tiers as a supervisor does, all at once; each says that it went well."""
        going = [self.tiers.pop(name) for name in names]
        with ThreadPoolExecutor(len(going)) as pool:
            for tier, status in zip(going, pool.map(Tier.stop, going), strict=True):
                assert status == 0, tier.log
        for name in names:
            self._ports.pop(name, None)

    def roll(self, rounds: Iterable[int]) -> None:
        """Restart everything: of each tier the first process, then the second, and so on."""
        for number in rounds:
            names = [(tier, number) for tier in TIERS]
            self.remove(*names)
            self.add(*names)

    def _run(self, *arguments: str) -> Tier:
        self._starts += 1
        folder = self._directory / f"{self._starts}-{arguments[0]}"
        folder.mkdir()
        return self._stack.enter_context(running(folder, self.settings, *arguments))


@contextlib.contextmanager
def broker(directory: Path) -> Iterator[str]:
    """The stand-in by itself; its address."""
    folder = directory / "broker"
    folder.mkdir()
    with running(folder, {}, "broker", "--data", str(folder), "--port", "0") as tier:
        yield f"127.0.0.1:{tier.wait_ready()}"
