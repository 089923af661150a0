"""New properties, decided by several processes over one broker: one type wins, for all."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.deciding import Decider
from deploy.declare import declare
from deploy.registry import Tail
from deploy.writes import Writer
from processors.app import build_app, run
from schemas.catalog import Collection
from schemas.growing import DAY_MS, Wish
from schemas.metrics import Metrics
from schemas.sources import Source
from schemas.topics import Topics
from tests.ingest.kafka import Kafka
from tests.processors.world import IDS, NOW, PARTITIONS, Reader, Tracker, eventually, line, vendors

TOPICS = Topics("decided", PARTITIONS)
APP_ID = "decided-processors"


@dataclass
class Process:
    """What one worker knows, and what it decides with."""

    tail: Tail
    decider: Decider
    metrics: Metrics

    def collection(self, name: str) -> Collection:
        found = self.tail.catalog.get("shop", name)
        assert found is not None
        return found

    def count(self, outcome: str) -> float:
        return self.metrics.get("headrace_process_decisions_total", outcome=outcome)


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[Kafka]:
    async with Kafka(tmp_path / "kafka") as kafka:
        await declare(kafka.address, [*TOPICS.all(["shop"]), TOPICS.sessions(APP_ID)])
        yield kafka


@asynccontextmanager
async def process(kafka: Kafka, **limits: float) -> AsyncIterator[Process]:
    tail, metrics = Tail(kafka.address, TOPICS), Metrics()
    decider = Decider(TOPICS.schemas.name, tail, Writer(kafka.address, tail), metrics, **limits)
    await tail.start()
    await decider.start()
    try:
        yield Process(tail, decider, metrics)
    finally:
        await decider.stop()
        await tail.stop()


def wishes(kind: str, names: Iterable[str], seen_at: int = NOW) -> list[Wish]:
    return [Wish("shop", name, {"a": kind}, seen_at) for name in names]


async def test_of_two_at_once_one_type_wins_for_both(kafka: Kafka) -> None:
    names = [f"c{number}" for number in range(20)]
    async with process(kafka) as one, process(kafka) as two:
        await asyncio.gather(
            one.decider(wishes("double", names)), two.decider(wishes("string", names))
        )
        first = {name: one.collection(name) for name in names}
        assert {name: two.collection(name) for name in names} == first
        assert {collection.version for collection in first.values()} == {1}
        assert one.count("made") + two.count("made") == len(names)
        assert one.count("followed") + two.count("followed") == len(names)
    async with process(kafka) as later:
        assert {name: later.collection(name) for name in names} == first
        await later.decider(wishes("boolean", names))
        assert {name: later.collection(name) for name in names} == first


async def test_all_additions_of_all_processes_stay(kafka: Kafka) -> None:
    async with process(kafka) as one, process(kafka) as two:
        await asyncio.gather(
            *(
                each.decider([Wish("shop", "sale", {f"{place}{number}": "double"}, NOW)])
                for number in range(10)
                for place, each in enumerate((one, two))
            )
        )
        await eventually(
            lambda: one.collection("sale") == two.collection("sale"), "both know the same"
        )
        assert len(one.collection("sale").properties) == 20


async def test_a_day_costs_one_write(kafka: Kafka) -> None:
    async with process(kafka) as one:
        for seen_at in (NOW, NOW + 1, NOW + DAY_MS, NOW + DAY_MS + 1):
            await one.decider(wishes("double", ["sale"], seen_at))
        assert (one.count("made"), one.count("followed")) == (2, 2)
        assert one.collection("sale").seen == {"a": (NOW, NOW + DAY_MS)}


async def test_a_broker_that_is_away_is_waited_for_once(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(kafka, seconds=0.2, rest=2) as one:
        await one.decider(wishes("double", ["before"]))
        await kafka.stop()
        await one.decider(wishes("double", ["sale"]))
        for _ in range(1000):
            await one.decider(wishes("double", ["sale"]))
        assert one.count("late") + one.count("failed") == 1
        assert [entry.name for entry in caplog.records].count("deploy.deciding") == 1
        await kafka.start()

        async def known() -> bool:
            await one.decider(wishes("double", ["sale"]))
            return one.tail.catalog.get("shop", "sale") is not None

        await eventually(known, "it is decided once the broker is back")


async def test_two_workers_follow_one_type(kafka: Kafka, tmp_path: Path) -> None:
    """Each sends its own kind of value for the same new properties at the same moment."""
    visitors = [f"v{number}" for number in range(12)]
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(process(kafka)) for _ in range(2)]
        for place, each in enumerate(workers):
            each.tail.registry.put(Source("shop"))
            await stack.enter_async_context(_working(kafka, each, 6066 + place, tmp_path))
        tracker = await stack.enter_async_context(Tracker(kafka.address, TOPICS))
        reader = await stack.enter_async_context(Reader(kafka.address, TOPICS))
        number = 0
        for again in range(5):
            for place, visitor in enumerate(visitors):
                number += 1
                value: object = 5 if place % 2 else "abc"
                body = {"type": "sale", "number": number, f"p{again}": value}
                await tracker.post(visitor, line(visitor, number=number, body=body))
        await reader.until(lambda: len(reader.events) >= number)
        types = workers[0].collection("sale").properties
        assert types == workers[1].collection("sale").properties
    assert sorted(reader.numbers()) == list(range(1, number + 1))
    for row in reader.events:
        (name,) = {f"p{again}" for again in range(5)} & {
            *row["properties"],
            *(note["field"] for note in row.get("invalid_values", ())),
        }
        kept = row["properties"].get(name)
        if types[name] == "string":
            assert kept in {"5", "abc"}
        else:
            assert (kept, "invalid_values" in row) in {(5, False), ("abc", True)}


@asynccontextmanager
async def _working(kafka: Kafka, known: Process, port: int, data: Path) -> AsyncIterator[None]:
    app = build_app(
        kafka=kafka.address,
        topics=TOPICS,
        feed=known.tail,
        decide=known.decider,
        vendors=vendors,
        ids=IDS,
        clock=lambda: NOW,
        metrics=known.metrics,
        web_port=port,
        data=data / str(port),
        app_id=APP_ID,
    )
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run(app, stop=stop, ready=ready.set))
    await ready.wait()
    try:
        yield
    finally:
        stop.set()
        await task
