"""From the request to the record: the edge on the broker stand-in, and on a real Kafka."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from ingest.app import Ingest, build_app
from ingest.publish import KafkaPublisher
from schemas import codec, envelope
from schemas.ids import Ids
from schemas.metrics import Metrics
from schemas.topics import Topics
from tests.contracts.real_kafka import RealKafka
from tests.ingest.call import Call
from tests.ingest.kafka import Kafka, declare, lines_of, until
from tests.ingest.plain import DRAWN, PARTITIONS, Counter, Feed, Plain, registry


def clock() -> int:
    """The time of day: Kafka deletes by the records' timestamps."""
    return time.time_ns() // 1_000_000


@contextlib.asynccontextmanager
async def edge(address: str, prefix: str) -> AsyncIterator[tuple[Ingest, KafkaPublisher]]:
    metrics = Metrics()
    publisher = KafkaPublisher(address, metrics=metrics, clock=clock)
    await publisher.start()
    app = build_app(
        vendors=[Plain()],
        publisher=publisher,
        feed=Feed(registry()),
        desk=Counter(),
        topics=Topics(prefix, PARTITIONS),
        ids=Ids(b"secret"),
        clock=clock,
        new_id=lambda: DRAWN,
        metrics=metrics,
    )
    try:
        yield app, publisher
    finally:
        await publisher.stop()


async def send(app: Ingest, name: str) -> tuple[int, str | None]:
    """Send one event as a client does; the status and when to come back."""
    body = codec.dumps([{"who": name, "id": name}])
    answer = await Call("/send", body, headers={"x-key": "shop-key"}).answer(app)
    return answer.status, answer.header("retry-after")


async def send_until_taken(app: Ingest, name: str) -> None:
    """Send as a retrying client does: the same event until it is taken."""
    while True:
        status, retry_after = await send(app, name)
        if status == 200:
            return
        assert (status, retry_after) == (503, "1")
        await asyncio.sleep(0.02)


async def ready(app: Ingest) -> int:
    return (await Call("/readyz", method="GET").answer(app)).status


async def stored(address: str, topic: str) -> list[str]:
    """The client's ids of all events in the topic."""
    by_partition = await lines_of(address, topic)
    return [envelope.read(line).message_id for lines in by_partition.values() for line in lines]


async def test_kafka_away_and_back(tmp_path: Path) -> None:
    async with Kafka(tmp_path) as kafka:
        await kafka.declare("t.raw.shop")
        async with edge(kafka.address, "t") as (app, publisher):
            assert await ready(app) == 200
            assert await send(app, "before") == (200, None)
            await kafka.stop()
            await until(lambda: bool(publisher.trouble))
            assert await ready(app) == 503
            assert await send(app, "while away") == (503, "1")
            await kafka.start()
            await until(lambda: not publisher.trouble)
            assert await ready(app) == 200
            assert await send(app, "after") == (200, None)
        assert sorted(await stored(kafka.address, "t.raw.shop")) == ["after", "before"]


async def test_retrying_clients_lose_nothing_over_restarts(tmp_path: Path) -> None:
    names = [f"event-{number}" for number in range(300)]
    async with Kafka(tmp_path) as kafka:
        await kafka.declare("t.raw.shop")
        async with edge(kafka.address, "t") as (app, publisher):
            half = len(names) // 2
            await asyncio.gather(*(send_until_taken(app, name) for name in names[:half]))
            await kafka.stop()
            rest = [asyncio.create_task(send_until_taken(app, name)) for name in names[half:]]
            await until(lambda: bool(publisher.trouble))
            await kafka.start()
            await asyncio.gather(*rest)
        assert set(await stored(kafka.address, "t.raw.shop")) == set(names)


async def test_on_a_real_kafka(real_kafka: RealKafka) -> None:
    topics = Topics(f"ingest-{uuid4().hex[:8]}", PARTITIONS)
    topic = topics.raw("shop").name
    names = [f"event-{number}" for number in range(200)]
    await declare(real_kafka.address, topic)
    async with edge(real_kafka.address, topics.prefix) as (app, publisher):
        await asyncio.gather(*(send_until_taken(app, name) for name in names[:100]))
        if real_kafka.restartable:
            await asyncio.to_thread(real_kafka.kill)
            await until(lambda: bool(publisher.trouble), 20)
            assert await send(app, names[0]) == (503, "1")
            await asyncio.to_thread(real_kafka.start)
        async with asyncio.timeout(60):
            await asyncio.gather(*(send_until_taken(app, name) for name in names[100:]))
    assert sorted(await stored(real_kafka.address, topic)) == sorted(names)
