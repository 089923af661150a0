"""Processes to measure: tiers of headrace and loads against them, each in a process of its own."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.bench.samples import Sender
from deploy.demo import DEMO
from deploy.settings import SettingError, Settings, from_environment

_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A running ``headrace up``."""

    settings: Settings
    url: str
    key: str
    process: subprocess.Popen[str]

    def sender(self, run: int, **chosen: Any) -> Sender:
        """Requests for it; events of different runs have different ids."""
        return Sender(self.url, ((DEMO, self.key),), run, **chosen)

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
def pipeline(*options: str, **variables: str) -> Iterator[Pipeline]:
    """Run ``headrace up`` on free ports with a data directory of its own.

    Args:
        variables: of the environment, beside what is there.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        data = Path(folder)
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy", "up", "--data", folder, "--port", "0",
             "--clickhouse-port", "0", "--kafka-port", "0", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | variables,
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
class Taken:
    """What a piece of work took.

    Attributes:
        seconds: of wall time; NaN where nothing was timed.
        cpu: seconds of CPU time of its processes.
        resident: MB of the largest of its processes after the work.
    """

    events: float
    seconds: float
    cpu: float
    resident: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds if self.seconds else float("nan")

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per event."""
        return self.cpu / self.events * 1e6 if self.events else float("nan")


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
