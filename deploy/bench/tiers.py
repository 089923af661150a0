"""Each tier alone beside its bare baseline: one round of it, over the events that it is given."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

from deploy.bench import bare
from deploy.bench.bed import Bed
from deploy.bench.figures import Figures
from deploy.bench.loading import Apply, Load, loading_process
from deploy.bench.reading import committed
from deploy.bench.run import Taken, cpu_seconds, resident_mb
from deploy.bench.samples import Sender
from deploy.declare import end_offsets, lag

POLL_SECONDS: Final = 0.1
_WARM_UP_SECONDS: Final = 1.0
_STEADY: Final = (0.85, 0.1)
"""Shares of a backlog between which workers are timed: all are there, none has finished."""


@dataclass(frozen=True, slots=True)
class Dose:
    """What one round gives to the tiers.

    Attributes:
        batches: events per request, one load each; 0 for the endpoint of single events.
        seconds: length of each load.
        workers: number of processes of every tier.
        visitors, properties, protocol, session: see :class:`deploy.bench.samples.Sender`.
        store: where processors keep their state; "" for the setting's.
    """

    batches: tuple[int, ...] = (0, 100)
    seconds: float = 5.0
    workers: int = 1
    visitors: int = 5_000
    properties: int = 0
    protocol: str = "mix"
    session: bool = True
    store: str = ""

    @property
    def sent(self) -> dict[str, Any]:
        """What a sender must know of it."""
        return {
            "visitors": self.visitors,
            "properties": self.properties,
            "protocol": self.protocol,
            "session": self.session,
        }

    @property
    def expected(self) -> float:
        """Seconds that a round takes, about."""
        backlog = sum(min(8, batch + 1) * self.seconds for batch in self.batches)
        return 8 + len(self.batches) * (2 * self.seconds + 4) + 1.2 * backlog


@dataclass(frozen=True, slots=True)
class Sample:
    """So many records were left at a time, when so many CPU seconds had been used."""

    left: int
    at: float
    cpu: float


class Tiers(Bed):
    """Tiers one at a time, over what the one before it left."""

    def __init__(self, *, sources: int = 1, clickhouse: bool = True) -> None:
        super().__init__(clickhouse=clickhouse, sources=sources)
        self._events = 0
        self._started = 0

    def next_worker(self) -> int:
        """Number a worker; it has a directory of its own."""
        self._started += 1
        return self._started

    async def round(self, dose: Dose, figures: Figures) -> None:
        """Measure every tier once."""
        self._events = 0
        for batch in dose.batches:
            await self.ingest(batch, dose, figures)
        await self.kafka_client(figures)
        await self.process(dose, figures)
        if self._clickhouse:
            await self.sink(dose, figures)

    async def ingest(self, batch: int, dose: Dose, figures: Figures) -> None:
        """Acknowledged events per second, next to a bare ASGI application's."""
        port, names = await self.start_ingest(dose.workers)
        pids = [self.pid(name) for name in names]
        sender = self.sender(port, batch=batch, **dose.sent)
        size = f"{sender.size} per request"
        stage = f"{workers('ingest', dose.workers)}, {size}"
        with loading_process() as apply, bare.asgi_server() as (server, url):
            ours, warm = await self._load(apply, sender, dose.seconds, pids)
            figures.add(stage, ours, f"bare ASGI, {size}")
            self._events += int(ours.events + warm)
            bare_sender = replace(sender, url=url, run=self.next_run())
            theirs, _ = await self._load(apply, bare_sender, dose.seconds, [server])
            figures.add(f"bare ASGI, {size}", theirs)
        await asyncio.gather(*map(self.stop, names))

    async def _load(
        self, apply: Apply, sender: Sender, seconds: float, pids: list[int]
    ) -> tuple[Taken, int]:
        """Load what listens after a warm-up; what it took, and the events of the warm-up."""
        warm = await apply(Load(sender, seconds=_WARM_UP_SECONDS))
        busy = sum(map(cpu_seconds, pids))
        outcome = await apply(Load(replace(sender, run=self.next_run()), seconds=seconds))
        cpu = sum(map(cpu_seconds, pids)) - busy
        events = len(outcome.acknowledged) * sender.size
        resident = max(map(resident_mb, pids))
        return Taken(events, seconds, cpu, resident), len(warm.acknowledged) * sender.size

    async def kafka_client(self, figures: Figures) -> None:
        """Measure aiokafka itself over the same records."""
        group = self.settings.process_group
        arguments = (self.settings.kafka, group, *self.raw())
        sent, read = await bare.run("bare_kafka", *arguments, events=self._events)
        figures.add("bare aiokafka producer", sent)
        figures.add("bare aiokafka consumer", read)

    async def process(self, dose: Dose, figures: Figures) -> None:
        """Workers over the backlog that ingest left."""
        kafka, group = self.settings.kafka, self.settings.process_group
        ends = await end_offsets(kafka, self.raw())
        records = sum(ends.values()) - sum((await self._done(group, ends)).values())
        arguments = (kafka, str(records), *self.raw())
        (idle,) = await bare.run("bare_faust", *arguments, events=self._events)
        figures.add("bare Faust agent", idle)
        taken = await self._backlog("process", ends, group, dose)
        figures.add(workers("process", dose.workers), taken, "bare Faust agent")

    async def sink(self, dose: Dose, figures: Figures) -> None:
        """Sinks over what the workers wrote."""
        (inserted,) = await bare.run("bare_insert", data=str(self.settings.data))
        figures.add("bare insert", inserted)
        ends = await end_offsets(self.settings.kafka, [self.settings.topics.events.name])
        taken = await self._backlog("sink", ends, self.settings.sink_group, dose)
        figures.add(workers("sink", dose.workers), taken, "bare insert")

    async def _backlog(self, tier: str, ends: Any, group: str, dose: Dose) -> Taken:
        """Time processes of a tier over what their group has not read."""
        samples: list[Sample] = []
        async with lag(self.settings.kafka, group, ends) as left_of, AsyncExitStack() as stack:
            left = total = await left_of()
            names = await self._launch(tier, dose, stack)
            pids = [self.pid(name) for name in names]
            while left:
                left = await left_of()
                samples.append(Sample(left, time.monotonic(), sum(map(cpu_seconds, pids))))
                await asyncio.sleep(POLL_SECONDS)
            resident = max(map(resident_mb, pids))
        first, last = steady(samples, total)
        events = self._events * (first.left - last.left) / total
        return Taken(events, last.at - first.at, last.cpu - first.cpu, resident)

    async def _launch(self, tier: str, dose: Dose, stack: AsyncExitStack) -> list[str]:
        store = ("--store", dose.store) if dose.store and tier == "process" else ()
        names = [f"{tier}-{self.next_worker()}" for _ in range(dose.workers)]
        for name in names:
            stack.push_async_callback(self.stop, name)
        await asyncio.gather(
            *(
                self.start(tier, "--worker", name.rpartition("-")[2], *store, name=name)
                for name in names
            )
        )
        return names

    async def _done(self, group: str, ends: Any) -> dict[Any, int]:
        done = await committed(self.settings.kafka, group)
        return {place: done.get(place, 0) for place in ends}


def steady(samples: list[Sample], total: int) -> tuple[Sample, Sample]:
    """Choose between which samples workers are timed.

    All are there and none has finished; where they were too quick for that, from their start on.
    """
    high, low = _STEADY
    begun = [one for one in samples if one.left <= total * high]
    ended = [one for one in samples if one.left <= total * low]
    if begun[0].left - ended[0].left > total / 2:
        return begun[0], ended[0]
    return Sample(total, samples[0].at, samples[0].cpu), samples[-1]


def workers(tier: str, count: int) -> str:
    """Name so many processes of a tier."""
    return f"{tier}, {count} worker{'s' * (count > 1)}"
