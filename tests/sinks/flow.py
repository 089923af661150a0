"""What the end-to-end tests of the sink say: produce, run a sink, wait for rows."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.metrics import Metrics
from schemas.topics import Topics
from sinks.batch import Limits
from sinks.clickhouse import INSERT_SECONDS, ClickHouse
from sinks.consume import Sink
from tests.contracts.clickhouse.stand_in import StandIn
from tests.sinks.lines import event_id, packed

QUICK = Limits(rows=500, age_ms=100)
DEADLINE = 30.0


def clock() -> int:
    return time.time_ns() // 1_000_000


def address(engine: StandIn) -> str:
    """Address of a database that does not exist yet."""
    user, password = (quote(text, safe="") for text in engine.writer)
    name = f"sink_{secrets.token_hex(6)}"
    return f"http://{user}:{password}@{engine.host}:{engine.port}/{name}"


async def eventually(
    holds: Callable[[], Awaitable[object]], what: str, seconds: float = DEADLINE
) -> None:
    """Wait until ``holds`` is true; the failure says what was last seen."""
    deadline = time.monotonic() + seconds
    while not (seen := await holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} (saw {seen!r})"
        await asyncio.sleep(0.05)


async def produce(
    kafka: str, topic: str, records: Iterable[tuple[int, bytes]], *, keyed: bool = False
) -> int:
    """Send records to their partitions, each with a key of its own if wanted; return how many."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", max_request_size=8 << 20)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, value, secrets.token_bytes(8) if keyed else None, partition)
            for partition, value in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return len(sent)


def records(lines: Sequence[bytes], size: int, partitions: int = 3) -> list[tuple[int, bytes]]:
    """Pack lines, ``size`` to a record, around the partitions."""
    packs = [packed(*lines[start : start + size]) for start in range(0, len(lines), size)]
    return [(number % partitions, pack) for number, pack in enumerate(packs)]


class Running:
    """A sink in this process."""

    def __init__(self, sink: Sink, metrics: Metrics) -> None:
        self.metrics = metrics
        self._stop = asyncio.Event()
        self._ready = asyncio.Event()
        self.task = asyncio.create_task(sink.run(self._stop, self._ready.set))

    async def ready(self) -> None:
        waiting = asyncio.create_task(self._ready.wait())
        both = {waiting, self.task}
        await asyncio.wait(both, timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            assert self.task.done(), "the sink did not get ready"
            self.task.result()

    async def stop(self) -> None:
        self._stop.set()
        await self.task


@asynccontextmanager
async def sinking(
    kafka: str, topics: Topics, url: str, *, seconds: float = INSERT_SECONDS, **more: Any
) -> AsyncIterator[Running]:
    """Run a sink around a block; whatever ends the sink early is raised.

    It waits ``seconds`` for an answer of ClickHouse.
    """
    metrics = Metrics()
    given: dict[str, Any] = {
        "chance": random.random,
        "group": topics.prefix,
        "session_ms": 6_000,
        "limits": QUICK,
    }
    own = ClickHouse(url, seconds=seconds)
    sink = Sink(kafka, topics, own, clock, metrics, **(given | more))
    running = Running(sink, metrics)
    try:
        await running.ready()
        yield running
    finally:
        if not running.task.done():
            await running.stop()


async def ask(clickhouse: ClickHouse, sql: str, **parameters: Any) -> list[Sequence[Any]]:
    """Run a SELECT in which ``@`` stands before the names of the database's tables."""
    return list(await clickhouse.query(sql.replace("@", f"{clickhouse.database}."), parameters))


async def stored(clickhouse: ClickHouse, table: str = "events") -> list[str]:
    """Ids of all visible rows, without FINAL, sorted."""
    rows = await ask(clickhouse, f"SELECT toString(event_id) FROM @{table} ORDER BY 1")  # noqa: S608
    return [row[0] for row in rows]


async def has_stored(clickhouse: ClickHouse, count: int, table: str = "events") -> None:
    async def enough() -> bool:
        return len(await stored(clickhouse, table)) >= count

    await eventually(enough, f"{count} rows in {table}")


async def exactly(clickhouse: ClickHouse, numbers: Iterable[int]) -> None:
    """Wait for these events, then see each of them once, without FINAL."""
    expected = sorted(map(event_id, numbers))
    await has_stored(clickhouse, len(expected))
    assert await stored(clickhouse) == expected


async def committed(kafka: str, topics: Topics, group: str | None = None) -> int:
    """Sum of the committed offsets of the events' partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group or topics.prefix)
    finally:
        await admin.close()
    places = [TopicPartition(topics.events.name, p) for p in range(topics.partitions)]
    return sum(max(0, offsets[place].offset) for place in places if place in offsets)


async def all_committed(kafka: str, topics: Topics, count: int, group: str | None = None) -> None:
    async def done() -> bool:
        return await committed(kafka, topics, group) == count

    await eventually(done, f"{count} records committed")
