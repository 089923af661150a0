"""``headrace bench scale``: many visitors, more workers, a killed one."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from deploy.bench.bed import SOURCE, Bed
from deploy.bench.run import Load, cpu_seconds, loading_process, resident_mb
from deploy.bench.samples import Sender, visitor_name
from deploy.bench.watch import Seen, watching
from deploy.declare import end_offsets, lag
from deploy.settings import LOCAL_PARTITIONS
from deploy.tier import clock
from processors.steps.sessionize import Session, Visits, dump
from processors.visits import key_of
from schemas.topics import PACK_BYTES, partition_of

STORES: Final = ("memory", "rocksdb")
FEW: Final = 10_000
_POLL_SECONDS: Final = 0.05
_HOUR_MS: Final = 3_600_000
_STEADY: Final = (0.8, 0.1)
"""Shares of a backlog between which workers are timed: all are there, none has finished."""
_BATCH: Final = 100
_STATES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Recovery:
    """A start of one worker.

    Attributes:
        how: what it found: "cold" nothing, "warm" its files after SIGTERM, "killed" after SIGKILL.
        seconds: from its launch until it processes records.
        resident: MB when it does.
    """

    store: str
    states: int
    how: str
    seconds: float
    resident: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Workers on a backlog; ``cpu_us`` is CPU microseconds per event of all of them."""

    store: str
    workers: int
    rate: float
    cpu_us: float
    resident: float


@dataclass(frozen=True, slots=True)
class Killed:
    """One of two workers killed (SIGKILL) in the midst of a steady load and started again.

    Attributes:
        repeated: written twice to the events topic; the table keeps one of them.
        changed: of those, how many came out with another session.
        p50, longest: seconds from the 200 to the canonical event in Kafka.
    """

    store: str
    states: int
    accepted: int
    lost: int
    repeated: int
    changed: int
    p50: float
    longest: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: visitors, seconds of each load, events per second of the steady one."""

    visitors: int
    seconds: float
    rounds: int
    rate: float


async def measure(
    plan: Plan, say: Callable[[str], None]
) -> tuple[list[Recovery], list[Throughput], list[Killed]]:
    """Run every stage; ``say`` gets a word of progress per stage."""
    async with _Scale(plan) as bed:
        recoveries: list[Recovery] = []
        for states in (0, FEW, plan.visitors):
            say(f"recovery of {states:,} states ...")
            await bed.fill(states)
            recoveries += [found for store in STORES for found in await bed.recover(store)]
        throughputs: list[Throughput] = []
        for number in range(plan.rounds):
            for store in STORES:
                for workers in (1, 2):
                    say(f"{store}, {workers} worker{'s' * (workers > 1)}, round {number + 1} ...")
                    throughputs.append(await bed.work(store, workers))
        kills = []
        for store in STORES:
            say(f"{store}, one of two workers killed ...")
            kills.append(await bed.kill(store))
    return recoveries, medians(throughputs), kills


def medians(found: list[Throughput]) -> list[Throughput]:
    """Of each number of workers on each store, the round with the median rate."""
    kinds = dict.fromkeys((one.store, one.workers) for one in found)
    return [_median([one for one in found if (one.store, one.workers) == kind]) for kind in kinds]


def _median(rounds: list[Throughput]) -> Throughput:
    return sorted(rounds, key=lambda one: one.rate)[(len(rounds) - 1) // 2]


class _Scale(Bed):
    def __init__(self, plan: Plan) -> None:
        super().__init__(clickhouse=False)
        self._plan = plan
        self._states = 0
        self._workers = 0
        self._runs = 0

    async def fill(self, states: int) -> None:
        """Let the changelog have so many visitors' states."""
        numbers = iter(range(self._states, states))
        producer: Any = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka, max_batch_size=PACK_BYTES
        )
        await producer.start()
        try:
            while some := list(islice(numbers, _STATES)):
                await self._write(producer, some)
        finally:
            await producer.stop()
        self._states = states

    async def _write(self, producer: Any, numbers: list[int]) -> None:
        now = clock()
        items: dict[int, list[tuple[bytes, bytes]]] = {}
        for name in map(visitor_name, numbers):
            partition = partition_of(name, LOCAL_PARTITIONS)
            session = Session(now - _HOUR_MS, now - _HOUR_MS, now - _HOUR_MS)
            state = dump(Visits(partition, now, (session,)))
            items.setdefault(partition, []).append((key_of(SOURCE, name), state))
        changelog = self.settings.topics.sessions(self.settings.process_group).name
        for partition, states in items.items():
            batch = producer.create_batch()
            for key, state in states:
                batch.append(timestamp=None, key=key, value=state)
            batch.close()
            await producer.send_batch(batch, changelog, partition=partition)

    async def recover(self, store: str) -> list[Recovery]:
        """Start a new worker; on disk, again after a good and after a bad end."""
        number = self._new()
        found = [await self._start(store, number, "cold")]
        if store != "memory":
            await self.stop(_name(number))
            found.append(await self._start(store, number, "warm"))
            os.kill(self.pid(_name(number)), signal.SIGKILL)
            await self.stop(_name(number))
            found.append(await self._start(store, number, "killed"))
        await self.stop(_name(number))
        return found

    def _new(self) -> int:
        self._workers += 1
        return self._workers

    async def _start(self, store: str, number: int, how: str) -> Recovery:
        began = time.monotonic()
        await self._worker(store, number)
        took = time.monotonic() - began
        return Recovery(store, self._states, how, took, resident_mb(self.pid(_name(number))))

    async def _worker(self, store: str, number: int) -> None:
        options = ("--worker", str(number), "--store", store)
        await self.start("process", *options, name=_name(number))

    async def work(self, store: str, workers: int) -> Throughput:
        """Time so many workers over a fresh backlog."""
        events = await self._backlog()
        numbers = [self._new() for _ in range(workers)]
        topic = self.settings.topics.raw(SOURCE).name
        ends = await end_offsets(self.settings.kafka, [topic])
        high, low = _STEADY
        async with lag(self.settings.kafka, self.settings.process_group, ends) as left_of:
            total = await left_of()
            await asyncio.gather(*(self._worker(store, number) for number in numbers))
            pids = [self.pid(_name(number)) for number in numbers]
            marks = []
            for share in (high, low):
                while (left := await left_of()) > total * share:  # noqa: ASYNC110  no event for it
                    await asyncio.sleep(_POLL_SECONDS)
                marks.append((left, time.monotonic(), sum(map(cpu_seconds, pids))))
            while await left_of():  # noqa: ASYNC110  as above
                await asyncio.sleep(_POLL_SECONDS)
        (left, began, busy), (rest, ended, spent) = marks
        done = events * (left - rest) / total
        resident = max(map(resident_mb, pids))
        await asyncio.gather(*(self.stop(_name(number)) for number in numbers))
        rate = done / (ended - began)
        return Throughput(store, workers, rate, (spent - busy) / done * 1e6, resident)

    async def _backlog(self) -> int:
        port = (await self.start("ingest", "--port", "0"))["port"]
        with loading_process() as apply:
            outcome = await apply(
                Load(self._sender(port), batch=_BATCH, seconds=self._plan.seconds)
            )
        await self.stop("ingest")
        return len(outcome.acknowledged) * _BATCH

    def _sender(self, port: int) -> Sender:
        self._runs += 1
        url = f"http://127.0.0.1:{port}"
        return Sender(url, self.key, self._runs, session=False)

    async def kill(self, store: str) -> Killed:
        """Kill one of two workers after a third of a steady load; it is started again at once."""
        port = (await self.start("ingest", "--port", "0"))["port"]
        numbers = [self._new(), self._new()]
        await asyncio.gather(*(self._worker(store, number) for number in numbers))
        sender, plan = self._sender(port), self._plan
        with loading_process() as apply:
            # the workers have shared the partitions out when this is over
            await apply(Load(sender, rate=plan.rate, seconds=5, connections=64))
            sender = self._sender(port)
            async with watching(self.settings, sender.run) as seen:
                load = apply(Load(sender, rate=plan.rate, seconds=plan.seconds * 2, connections=64))
                await asyncio.sleep(plan.seconds * 2 / 3)
                os.kill(self.pid(_name(numbers[1])), signal.SIGKILL)
                sent = dict((await load).acknowledged)
                await seen.until(sent)
        await asyncio.gather(*(self.stop(_name(number)) for number in numbers))
        await self.stop("ingest")
        return self._judge(store, sent, seen)

    def _judge(self, store: str, sent: dict[int, float], seen: Seen) -> Killed:
        waits = [max(0.0, seen.at[number] - at) for number, at in sent.items() if number in seen.at]
        return Killed(
            store,
            self._states,
            accepted=len(sent),
            lost=len(sent) - len(waits),
            repeated=len(seen.repeated),
            changed=sum(len(seen.sessions[number]) > 1 for number in seen.repeated),
            p50=statistics.median(waits),
            longest=max(waits),
        )


def _name(number: int) -> str:
    return f"process-{number}"
