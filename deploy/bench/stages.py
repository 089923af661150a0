"""``headrace bench pipeline``: each tier alone beside its bare baseline, then all together."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from deploy.bench.bare import consume_everything, insert_everything
from deploy.bench.bed import SOURCE, Bed
from deploy.bench.run import (
    Load,
    cpu_seconds,
    loading_process,
    pipeline,
    resident_mb,
)
from deploy.bench.samples import Sender
from deploy.declare import end_offsets, lag
from deploy.settings import Settings

_POLL_SECONDS: Final = 0.1
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result.

    Attributes:
        rate, bare: events per second of headrace and of the baseline in the same run; NaN for
            a stage that has no baseline.
        cpu_us: CPU microseconds per event of the tier's processes.
        resident: resident memory of the tier in MB after the load.
        spread: lowest and highest round, events per second.
    """

    stage: str
    rate: float
    bare: float
    cpu_us: float
    resident: float
    spread: tuple[float, float]

    @property
    def ratio(self) -> float:
        """Share of the baseline."""
        return self.rate / self.bare


async def measure(
    *, seconds: float, rounds: int, workers: int, say: Callable[[str], None]
) -> list[Row]:
    """Run every stage; ``say`` gets a word of progress per stage."""
    rows: list[Row] = []
    async with _Bench(rounds, seconds) as bench:
        for batch in (0, _BATCH):
            say(f"ingest alone, {batch or 1} events a request ...")
            rows.append(await bench.ingest(batch))
        say("processors alone ...")
        rows.append(await bench.process())
        say("sink alone ...")
        rows.append(await bench.sink())
    for batch in (0, _BATCH):
        say(f"whole pipeline, {batch or 1} events a request ...")
        rows.append(await whole(batch, seconds, workers))
    return rows


class _Bench(Bed):
    """One tier at a time, over what the one before it left."""

    def __init__(self, rounds: int, seconds: float) -> None:
        super().__init__(clickhouse=True)
        self._rounds = rounds
        self._seconds = seconds
        self._events = 0
        self._runs = 0

    async def ingest(self, batch: int) -> Row:
        """Acknowledged events per second, rounds alternating with a bare ASGI application."""
        facts = await self.start("ingest", "--port", "0")
        pid = self.pid("ingest")
        size = batch or 1
        ours: list[float] = []
        bare: list[float] = []
        cpu = 0.0
        done = 0
        with loading_process() as apply, _bare_server() as bare_url:
            for number in range(self._rounds + 1):
                self._runs += 1
                sender = Sender(f"http://127.0.0.1:{facts['port']}", self.key, self._runs)
                load = Load(sender, batch=batch, seconds=self._seconds)
                warm_up = number == 0
                before = cpu_seconds(pid)
                outcome = await apply(load.for_seconds(1) if warm_up else load)
                self._events += len(outcome.acknowledged) * size
                if warm_up:
                    await apply(replace(load, sender=replace(sender, url=bare_url), seconds=1))
                    continue
                cpu += cpu_seconds(pid) - before
                done += len(outcome.acknowledged) * size
                ours.append(len(outcome.acknowledged) * size / self._seconds)
                outcome = await apply(replace(load, sender=replace(sender, url=bare_url)))
                bare.append(len(outcome.acknowledged) * size / self._seconds)
        resident = resident_mb(pid)
        await self.stop("ingest")
        stage = f"ingest, {size} event{'s' if batch else ''} a request"
        return _row(stage, ours, statistics.median(bare), cpu / done * 1e6, resident)

    async def process(self) -> Row:
        """Events per second of one worker over the backlog that ingest left."""
        topic = self.settings.topics.raw(SOURCE).name
        ends = await end_offsets(self.settings.kafka, [topic])
        bare = await asyncio.to_thread(
            consume_everything, self.settings.kafka, topic, sum(ends.values())
        )
        return await self._backlog(
            "process", ends, self.settings.process_group, self._events / bare
        )

    async def sink(self) -> Row:
        """Rows per second of one sink over what the worker wrote."""
        topic = self.settings.topics.events.name
        ends = await end_offsets(self.settings.kafka, [topic])
        bare = await insert_everything(self.settings, topic)
        return await self._backlog("sink", ends, self.settings.sink_group, bare)

    async def _backlog(self, name: str, ends: Any, group: str, bare: float) -> Row:
        await self.start(name)
        pid = self.pid(name)
        before, began = cpu_seconds(pid), time.monotonic()
        total = sum(ends.values())
        first_left, first_at = total, began
        async with lag(self.settings.kafka, group, ends) as left_of:
            while left := await left_of():
                if first_left == total and left < total:
                    first_left, first_at = left, time.monotonic()
                await asyncio.sleep(_POLL_SECONDS)
        seconds = time.monotonic() - first_at
        # From the first commit on: assignment and recovery are start-up, not throughput.
        rate = self._events * (first_left / total) / seconds
        cpu = (cpu_seconds(pid) - before) / self._events * 1e6
        resident = resident_mb(pid)
        await self.stop(name)
        return _row(f"{name}, one worker", [rate], bare, cpu, resident)


async def whole(batch: int, seconds: float, workers: int) -> Row:
    """Events per second from the first request until the last row is committed."""
    size = batch or 1
    with pipeline("--workers", str(workers)) as running, loading_process() as apply:
        await apply(Load(running.sender(1), batch=batch, seconds=2))
        pids = [pid for tier in running.tiers().values() for pid in tier]
        before, began = sum(map(cpu_seconds, pids)), time.monotonic()
        outcome = await apply(Load(running.sender(2), batch=batch, seconds=seconds))
        settings = running.settings
        raw = await end_offsets(settings.kafka, [settings.topics.raw("demo").name])
        await _caught_up(settings, settings.process_group, raw)
        ends = await end_offsets(settings.kafka, [settings.topics.events.name])
        await _caught_up(settings, settings.sink_group, ends)
        took = time.monotonic() - began
        events = len(outcome.acknowledged) * size
        cpu = (sum(map(cpu_seconds, pids)) - before) / events * 1e6
        resident = sum(map(resident_mb, pids))
    stage = f"whole pipeline, {size} event{'s' if batch else ''} a request"
    return _row(stage, [events / took], float("nan"), cpu, resident)


async def _caught_up(settings: Settings, group: str, ends: Any) -> None:
    async with lag(settings.kafka, group, ends) as left_of:
        while await left_of():  # noqa: ASYNC110  Kafka has no event for it
            await asyncio.sleep(_POLL_SECONDS)


def _row(stage: str, rates: list[float], bare: float, cpu_us: float, resident: float) -> Row:
    spread = (min(rates), max(rates))
    return Row(stage, statistics.median(rates), bare, cpu_us, resident, spread)


@contextmanager
def _bare_server() -> Any:
    command = [sys.executable, "-m", "deploy.bench.bare_asgi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  a pipe
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()
