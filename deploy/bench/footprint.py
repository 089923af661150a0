"""``headrace bench footprint``: how long a start takes, what an idle pipeline and its files weigh.

Every figure comes with what makes it: imports of each tier by package, memory by mapping, sizes
by distribution.
"""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from deploy.bench import installed
from deploy.bench.plan import Plan, Say, Step
from deploy.bench.report import Cell, Column, Plot, Table, spread
from deploy.bench.run import pipeline, resident_mb

_IMPORT: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
_MAPPED: Final = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$")
_PACKAGE: Final = re.compile(r"/site-packages/([^/]+)")
_MOST: Final = 6
"""Lines that say what makes a figure."""
_IDLE_SECONDS: Final = 5.0
_KIB: Final = 1024
_STARTS: Final = (
    Column("start", "start"),
    Column("seconds", "seconds to ready", "decimal"),
    Column("low", "lowest", "decimal"),
    Column("high", "highest", "decimal"),
)
_IMPORTS: Final = (
    Column("tier", "tier"),
    Column("all_ms", "imports ms", "count"),
    Column("packages", "of them, ms by package"),
)
_MEMORY: Final = (
    Column("tier", "tier"),
    Column("resident", "resident MB", "count"),
    Column("private", "of its own MB", "count"),
    Column("made_of", "mapped MB by package; the rest is the interpreter's heap"),
)
_SIZES: Final = (Column("what", "what"), Column("mb", "MB", "decimal"))


async def measure(rounds: int, say: Say) -> tuple[Table, ...]:
    """Start and look."""
    look = _Look(rounds)
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        steps = (
            Step(f"{rounds} first starts and restarts", 16.0 * rounds, look.starts),
            Step("what is imported", 10, look.imports),
            Step("an idle pipeline", 10 + _IDLE_SECONDS, look.memory),
            Step("sizes", 10, partial(look.sizes, Path(folder))),
        )
        await Plan(steps).run(say)
    return look.tables()


class _Look:
    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._starts: list[tuple[Cell, ...]] = []
        self._imports: list[tuple[Cell, ...]] = []
        self._memory: list[tuple[Cell, ...]] = []
        self._sizes: list[tuple[Cell, ...]] = []

    async def starts(self) -> None:
        """Time `headrace up` with an empty data directory, and with the same again."""
        first: list[float] = []
        again: list[float] = []
        for _ in range(self._rounds):
            with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
                for into in (first, again):
                    into.append(await asyncio.to_thread(_start, Path(folder)))
        for name, seconds in (("first, empty data directory", first), ("again", again)):
            found = spread(seconds)
            self._starts.append((name, found.median, found.low, found.high))

    async def imports(self) -> None:
        """Let the interpreter of every tier say what it imports."""
        with pipeline(PYTHONPROFILEIMPORTTIME="1") as running:
            for log in sorted((running.settings.data / "logs").glob("*.log")):
                packages = by_package(log.read_text(errors="replace"))
                total = sum(packages.values())
                self._imports.append((log.stem, total / 1000, _largest(packages, 1000)))

    async def memory(self) -> None:
        """Look at every tier when nothing but heartbeats has come for a while."""
        with pipeline() as running:
            await asyncio.sleep(_IDLE_SECONDS)
            tiers = {tier: pid for tier, (pid, *_) in sorted(running.tiers().items())}
            for tier, pid in ({"up": running.process.pid} | tiers).items():
                self._memory.append((tier, *_held(pid)))
        self._memory.append(("all tiers", *_sums(self._memory), ""))

    async def sizes(self, folder: Path) -> None:
        """Weigh the wheel and what is installed with it."""
        wheel = await asyncio.to_thread(installed.wheel_bytes, folder)
        if wheel:
            self._sizes.append(("wheel", wheel / 1e6))
        packages = await asyncio.to_thread(installed.sizes, "headrace")
        self._sizes.append(("installed, with all it depends on", sum(packages.values()) / 1e6))
        for name, size in packages.most_common(2 * _MOST):
            self._sizes.append((f"  {name}", size / 1e6))
        interpreter = await asyncio.to_thread(installed.interpreter_bytes)
        self._sizes.append(("the Python that runs it", interpreter / 1e6))

    def tables(self) -> tuple[Table, ...]:
        """All that was found."""
        return (
            Table("start", "from `headrace up` to ready", _STARTS, tuple(self._starts)),
            Table("imports", "imports of each tier", _IMPORTS, tuple(self._imports)),
            Table(
                "memory", "idle, one worker", _MEMORY, tuple(self._memory), Plot("tier", "resident")
            ),
            Table(
                "size",
                "sizes; an image is these and a base system, and is not built here",
                _SIZES,
                tuple(self._sizes),
                Plot("what", "mb"),
            ),
        )


def _held(pid: int) -> tuple[Cell, ...]:
    private, mapped = mappings(Path(f"/proc/{pid}/smaps").read_text())
    return resident_mb(pid), private / _KIB, _largest(mapped, _KIB)


def _start(data: Path) -> float:
    """Start a pipeline and stop it; how long it took to say that it is ready."""
    began = time.monotonic()
    command = [sys.executable, "-m", "deploy", "up", "--data", str(data)]
    for option in ("--port", "--clickhouse-port", "--kafka-port"):
        command += [option, "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101  a pipe
        took = float("nan")
        for line in process.stdout:
            if line.startswith("ready"):
                took = time.monotonic() - began
                process.terminate()
    return took


def by_package(log: str) -> Counter[str]:
    """Add up what ``python -X importtime`` says, in microseconds, by top-level package."""
    found: Counter[str] = Counter()
    for micros, module in _IMPORT.findall(log):
        top = module.partition(".")[0]
        found["standard library" if top in sys.stdlib_module_names else top] += int(micros)
    return found


def mappings(smaps: str) -> tuple[int, Counter[str]]:
    """Read ``/proc/<pid>/smaps``: KiB that are the process's own, and KiB resident by package."""
    private, mapped, owner = 0, Counter[str](), ""
    for line in smaps.splitlines():
        if header := _MAPPED.match(line):
            package = _PACKAGE.search(header[1])
            owner = package[1] if package else ""
        elif line.startswith("Private_"):
            private += int(line.split()[1])
        elif line.startswith("Rss:") and owner:
            mapped[owner] += int(line.split()[1])
    return private, mapped


def _largest(amounts: Mapping[str, float], unit: int) -> str:
    """Name the largest of some amounts."""
    ranked = Counter(amounts).most_common(_MOST)
    return ", ".join(f"{name} {amount / unit:.0f}" for name, amount in ranked if amount >= unit)


def _sums(rows: Iterable[tuple[Cell, ...]]) -> tuple[float, float]:
    columns = list(zip(*rows, strict=True))
    resident, private = (sum(float(cell or 0) for cell in column) for column in columns[1:3])
    return resident, private
