"""``headrace bench overload``: more than the pipeline can bear, and what becomes of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import clickhouse_connect

from deploy.bench.figures import Figures
from deploy.bench.load import Outcome
from deploy.bench.loading import Apply, Load, loading_process
from deploy.bench.plan import Plan, Say, Step
from deploy.bench.report import Cell, Column, Plot, Table, quantile
from deploy.bench.run import Pipeline, pipeline, resident_mb
from deploy.bench.samples import mark_of
from deploy.bench.stages import caught_up, whole
from deploy.bench.tiers import Dose

_WARM_UP_SECONDS: Final = 3.0
_CONNECTIONS: Final = 512
_OK: Final = 200
_LOADS: Final = (
    Column("phase", "phase"),
    Column("offered", "offered/s", "count"),
    Column("accepted", "accepted/s", "count"),
    Column("refused", "refused/s", "count"),
    Column("told", "with Retry-After", "share"),
    Column("statuses", "refusals by status"),
    Column("p50", "answer p50 ms", "decimal"),
    Column("p99", "p99 ms", "decimal"),
    Column("longest", "longest ms", "decimal"),
    Column("recovery", "behind for s", "decimal"),
)
_MEMORY: Final = (
    Column("tier", "tier"),
    Column("before", "before MB", "count"),
    Column("most", "at most MB", "count"),
    Column("after", "after MB", "count"),
)
_EVENTS: Final = (
    Column("accepted", "accepted", "count"),
    Column("stored", "stored", "count"),
    Column("lost", "lost", "count"),
    Column("doubled", "doubled", "count"),
)


@dataclass(slots=True)
class _Memory:
    """Resident MB of each tier: of the largest of its processes."""

    before: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)


async def measure(*, seconds: float, times: float, workers: int, say: Say) -> tuple[Table, ...]:
    """Find the load that it sustains, then offer a multiple of that, then half of it."""
    async with AsyncExitStack() as stack:
        apply = stack.enter_context(loading_process())
        trial = _Trial(apply, seconds, workers)
        steps = (
            Step("finding what is sustained", 12 + 3 * seconds, trial.sustain),
            Step("starting a pipeline", 12, partial(trial.begin, stack)),
            Step("half of that", seconds + 3, partial(trial.offer, "half", 0.5)),
            Step(f"{times:g} times that", 2 * seconds + 10, partial(trial.offer, "over", times)),
            Step("half again", seconds + 3, partial(trial.offer, "after", 0.5)),
            Step("counting", 3, trial.count),
        )
        await Plan(steps).run(say)
        return trial.tables()


class _Trial:
    running: Pipeline

    def __init__(self, apply: Apply, seconds: float, workers: int) -> None:
        self._workers = workers
        self._apply = apply
        self._seconds = seconds
        self._run = 0
        self._sustained = 0.0
        self._accepted = 0
        self._loads: list[tuple[Cell, ...]] = []
        self._memory = _Memory()
        self._events: tuple[Cell, ...] = ()

    async def sustain(self) -> None:
        """See what another pipeline, which refuses nothing, is through with in a second."""
        dose = Dose(seconds=self._seconds)
        self._sustained = (await whole(0, dose, self._workers, Figures())).rate

    async def begin(self, stack: AsyncExitStack) -> None:
        """Start the pipeline; let every session be known and every path be taken."""
        self.running = stack.enter_context(pipeline("--workers", str(self._workers)))
        await self._send(seconds=_WARM_UP_SECONDS, rate=self._sustained / 2)
        await caught_up(self.running.settings)
        self._memory.before = self._resident()

    async def offer(self, name: str, times: float) -> None:
        """Offer a multiple of that at a steady rate, whatever the answers are."""
        seconds = self._seconds * (2 if times > 1 else 1)
        async with self._watching():
            began = time.monotonic()
            outcome = await self._send(seconds=seconds, rate=times * self._sustained)
            took = time.monotonic() - began
            await caught_up(self.running.settings)
        behind = time.monotonic() - began - took
        self._note(f"{name}: {times:g} times", outcome, took, behind)
        self._memory.after = self._resident()

    async def count(self) -> None:
        """Hold the rows against what was accepted."""
        stored, different = await asyncio.to_thread(self._rows)
        self._events = (self._accepted, different, self._accepted - different, stored - different)

    def tables(self) -> tuple[Table, ...]:
        """All that was found."""
        memory = self._memory
        rows = tuple(
            (tier, memory.before[tier], memory.most[tier], memory.after.get(tier))
            for tier in memory.before
        )
        sustained = f"single events; {self._sustained:,.0f} a second are sustained"
        return (
            Table("loads", sustained, _LOADS, tuple(self._loads), Plot("phase", "p99")),
            Table("memory", "resident memory", _MEMORY, rows, Plot("tier", "most")),
            Table("events", "accepted events, and their rows", _EVENTS, (self._events,)),
        )

    async def _send(self, *, seconds: float, rate: float = 0) -> Outcome:
        self._run += 1
        sender = self.running.sender(self._run)
        outcome = await self._apply(Load(sender, rate, seconds, _CONNECTIONS))
        self._accepted += len(outcome.acknowledged)
        return outcome

    def _note(self, phase: str, outcome: Outcome, took: float, behind: float) -> None:
        accepted, waits = len(outcome.acknowledged), [1000 * wait for wait in outcome.waits]
        refused = {status: n for status, n in outcome.statuses.items() if n and status != _OK}
        told = outcome.told_when / outcome.refused if outcome.refused else None
        self._loads.append(
            (
                phase,
                (accepted + outcome.refused) / took,
                accepted / took,
                outcome.refused / took,
                told,
                " ".join(f"{status}: {n:,}" for status, n in sorted(refused.items())) or "none",
                quantile(waits, 0.5),
                quantile(waits, 0.99),
                max(waits, default=float("nan")),
                behind,
            )
        )

    def _resident(self) -> dict[str, float]:
        tiers = self.running.tiers()
        return {name: max(map(resident_mb, pids)) for name, pids in tiers.items()}

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Note the most memory of every tier meanwhile."""

        async def watch() -> None:
            while True:
                for tier, resident in self._resident().items():
                    self._memory.most[tier] = max(resident, self._memory.most.get(tier, 0))
                await asyncio.sleep(1)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()

    def _rows(self) -> tuple[int, int]:
        settings = self.running.settings
        address = settings.clickhouse.split("//")[1].split("/")[0]
        host, _, port = address.partition(":")
        client: Any = clickhouse_connect.get_client(
            host=host, port=int(port), autogenerate_session_id=False
        )
        sql = (
            "SELECT count(), uniqExact(properties.n::Int64) "  # noqa: S608  our own name
            f"FROM {settings.database}.events FINAL WHERE properties.n::Int64 >= {mark_of(1, 0)}"
        )
        ((stored, different),) = client.query(sql).result_rows
        return stored, different
