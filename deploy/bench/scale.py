"""``headrace bench scale``: many visitors, one to three of each tier, a killed worker."""

import asyncio
import os
import signal
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from deploy.bench.figures import Figures
from deploy.bench.loading import Load, loading_process
from deploy.bench.plan import Plan, Say, Step
from deploy.bench.report import Cell, Column, Table
from deploy.bench.run import resident_mb
from deploy.bench.states import fill
from deploy.bench.tiers import Dose, Tiers, workers
from deploy.bench.watch import Seen, watching

STORES: Final = ("memory", "rocksdb")
FEW: Final = 10_000
_SETTLE_SECONDS: Final = 5.0
_CONNECTIONS: Final = 64
_RECOVERY: Final = (
    Column("states", "states", "count"),
    Column("store", "store"),
    Column("how", "start"),
    Column("seconds", "seconds", "decimal"),
    Column("resident", "MB", "count"),
)
_KILLS: Final = (
    Column("store", "store"),
    Column("states", "states", "count"),
    Column("accepted", "accepted", "count"),
    Column("lost", "lost", "count"),
    Column("repeated", "repeated", "count"),
    Column("changed", "of them changed", "count"),
    Column("p50", "p50 s", "decimal"),
    Column("longest", "longest s", "decimal"),
)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far it goes: visitors to recover, events per second at the kill, processes per tier."""

    visitors: int
    rate: float
    most: int
    rounds: int
    dose: Dose


async def measure(extent: Extent, say: Say) -> tuple[Table, ...]:
    """Run every stage."""
    recoveries: list[tuple[Cell, ...]] = []
    kills: list[tuple[Cell, ...]] = []
    figures = Figures()
    async with AsyncExitStack() as stack:
        bed = _Scale(extent)
        steps = [Step("starting stand-ins", 5, lambda: stack.enter_async_context(bed))]
        steps += [
            Step(
                f"{count} of each tier, round {number + 1}",
                extent.dose.expected,
                partial(bed.round, replace(extent.dose, workers=count), figures),
            )
            for number in range(extent.rounds)
            for count in range(1, extent.most + 1)
        ]
        steps += [
            Step(
                f"recovery of {states:,} states",
                10 + states / 20_000,
                partial(bed.recover_all, states, recoveries),
            )
            for states in (0, FEW, extent.visitors)
        ]
        steps += [
            Step(f"{store}, one of two workers killed", 45, partial(bed.kill, store, kills))
            for store in STORES
        ]
        await Plan(tuple(steps)).run(say)
    _hold_against_one(figures, extent.most)
    return (
        figures.table(
            "scaling", "processes of each tier, beside one of them (all on this machine)"
        ),
        Table(
            "recovery",
            "from the launch of a processor until it processes",
            _RECOVERY,
            tuple(recoveries),
        ),
        Table(
            "kill",
            f"one of two processors killed at {extent.rate:,.0f} events/s; waits are "
            "from the 200 to the canonical event in Kafka",
            _KILLS,
            tuple(kills),
        ),
    )


def _hold_against_one(figures: Figures, most: int) -> None:
    for stage in figures.stages():
        for count in range(2, most + 1):
            many, one = (workers("", number) for number in (count, 1))
            if many in stage:
                figures.beside(stage, stage.replace(many, one))


class _Scale(Tiers):
    def __init__(self, extent: Extent) -> None:
        super().__init__()
        self._extent = extent
        self._states = 0

    async def recover_all(self, states: int, into: list[tuple[Cell, ...]]) -> None:
        """Recover so many states from each store."""
        await fill(self.settings, self._states, states)
        self._states = states
        for store in STORES:
            await self._recover(store, into)

    async def _recover(self, store: str, into: list[tuple[Cell, ...]]) -> None:
        """Start a new worker; on disk, again after a good and after a bad end."""
        number = self.next_worker()
        await self._time(store, number, "cold", into)
        if store != "memory":
            await self.stop(_name(number))
            await self._time(store, number, "warm", into)
            os.kill(self.pid(_name(number)), signal.SIGKILL)
            await self.stop(_name(number))
            await self._time(store, number, "killed", into)
        await self.stop(_name(number))

    async def _time(self, store: str, number: int, how: str, into: list[tuple[Cell, ...]]) -> None:
        began = time.monotonic()
        await self._worker(store, number)
        took = time.monotonic() - began
        into.append((self._states, store, how, took, resident_mb(self.pid(_name(number)))))

    async def _worker(self, store: str, number: int) -> None:
        options = ("--worker", str(number), "--store", store)
        await self.start("process", *options, name=_name(number))

    async def kill(self, store: str, into: list[tuple[Cell, ...]]) -> None:
        """Kill one of two workers after a third of a steady load; it is started again at once."""
        port, (ingest,) = await self.start_ingest(1)
        numbers = [self.next_worker(), self.next_worker()]
        await asyncio.gather(*(self._worker(store, number) for number in numbers))
        rate, seconds = self._extent.rate, 2 * self._extent.dose.seconds
        with loading_process() as apply:
            # the workers have shared the partitions out when this is over
            settling = Load(self.sender(port, session=False), rate, _SETTLE_SECONDS, _CONNECTIONS)
            await apply(settling)
            sender = self.sender(port, session=False)
            async with watching(self.settings, sender.run) as seen:
                load = apply(Load(sender, rate, seconds, _CONNECTIONS))
                await asyncio.sleep(seconds / 3)
                os.kill(self.pid(_name(numbers[1])), signal.SIGKILL)
                sent = dict((await load).acknowledged)
                await seen.until(sent)
        await asyncio.gather(*(self.stop(_name(number)) for number in numbers))
        await self.stop(ingest)
        into.append((store, self._states, *_judge(sent, seen)))


def _judge(sent: dict[int, float], seen: Seen) -> tuple[Cell, ...]:
    waits = [max(0.0, seen.at[number] - at) for number, at in sent.items() if number in seen.at]
    changed = sum(len(seen.sessions[number]) > 1 for number in seen.repeated)
    return (
        len(sent),
        len(sent) - len(waits),
        len(seen.repeated),
        changed,
        statistics.median(waits),
        max(waits),
    )


def _name(number: int) -> str:
    return f"process-{number}"
