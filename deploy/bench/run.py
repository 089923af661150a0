"""Processes to measure: tiers of headrace and loads against them, each in a process of its own."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import uvloop

from deploy.bench.load import Outcome, flood, steady
from deploy.bench.samples import Sender
from deploy.settings import SettingError, Settings, from_environment

_CONNECTIONS: Final = 256
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A running ``headrace up``."""

    settings: Settings
    url: str
    key: str
    process: subprocess.Popen[str]

    def sender(self, run: int) -> Sender:
        """Requests for it; events of different runs have different ids."""
        return Sender(self.url, self.key, run)

    def tiers(self) -> dict[str, list[int]]:
        """Process ids by tier."""
        found: dict[str, list[int]] = {}
        for pid in _children(self.process.pid):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"deploy" in arguments:
                name = arguments[arguments.index(b"deploy") + 1].decode()
                found.setdefault(name, []).append(pid)
        return found


@contextmanager
def pipeline(*options: str) -> Iterator[Pipeline]:
    """Run ``headrace up`` on free ports with a data directory of its own."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        data = Path(folder)
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy", "up", "--data", folder, "--port", "0",
             "--clickhouse-port", "0", "--kafka-port", "0", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            yield _read_welcome(process, data)
        finally:
            process.terminate()
            process.communicate(timeout=180)


def _read_welcome(process: subprocess.Popen[str], data: Path) -> Pipeline:
    assert process.stdout is not None  # noqa: S101  a pipe
    text = ""
    for line in process.stdout:
        text += line
        if "Ctrl-C drains" in line:
            break
    url = re.search(r"events:\s+(\S+)", text)
    key = re.search(r"write key (\S+)", text)
    if url is None or key is None:
        raise SettingError(f"the pipeline did not start:\n{text}")
    settings = from_environment(os.environ | {"HEADRACE_DATA": str(data)})
    return Pipeline(settings, url[1], key[1], process)


@dataclass(frozen=True, slots=True)
class Load:
    """What a loading process does.

    ``batch`` is events per request, 0 for the single-event endpoint; with ``rate`` (requests per
    second) the load is steady, else as fast as answers come.
    """

    sender: Sender
    batch: int = 0
    rate: float = 0
    seconds: float = 10
    connections: int = _CONNECTIONS

    def run(self) -> Outcome:
        """Apply the load from this process."""
        make: Callable[[int], bytes] = self.sender.single
        if self.batch:
            make = self.sender.batch(self.batch)
        url, connections, seconds = self.sender.url, self.connections, self.seconds
        if self.rate:
            work = steady(url, make, rate=self.rate, seconds=seconds, connections=connections)
        else:
            work = flood(url, make, connections=connections, seconds=seconds)
        return uvloop.run(work)

    def for_seconds(self, seconds: float) -> "Load":
        """The same load, shorter or longer; for warming up."""
        return replace(self, seconds=seconds)


@contextmanager
def loading_process() -> Iterator[Callable[[Load], "asyncio.Future[Outcome]"]]:
    """A process that applies loads, so that the load is not measured as the tier's work."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda load: asyncio.wrap_future(pool.submit(load.run))


def cpu_seconds(pid: int) -> float:
    """User and system time a process has used, children excluded."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def resident_mb(pid: int) -> float:
    """Resident memory in MB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
