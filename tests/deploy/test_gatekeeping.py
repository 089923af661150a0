"""Gates of several ingest processes over one broker: what they hear of each other."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.declare import declare
from deploy.gatekeeping import Gatekeeper
from deploy.settings import Settings
from ingest.gate import Gate
from ingest.publish import KafkaPublisher
from schemas.errors import Unavailable
from schemas.metrics import Metrics
from schemas.sources import Limits, Source
from tests.ingest.kafka import Kafka, until

SHOP = Source("shop", limits=Limits(requests_per_second=10))


def clock() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    async with Kafka(tmp_path / "kafka") as kafka:
        settings = Settings(kafka=kafka.address, partitions=1, backlog_seconds=1)
        await declare(kafka.address, settings.topics.all([SHOP.id]))
        yield settings


class Edge:
    """An ingest process without its HTTP."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.gate = Gate()
        self.metrics = Metrics()
        self.publisher = KafkaPublisher(settings.kafka, metrics=self.metrics, clock=clock)
        self._keeper = Gatekeeper(
            settings, self.gate, self.publisher, self.metrics, edge=name, clock=clock
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Edge"]:
        await self.publisher.start()
        await self._keeper.start()
        try:
            yield self
        finally:
            await self._keeper.stop()
            await self.publisher.stop()

    def ask(self) -> bool:
        """Whether a request of the limited source is let in."""
        try:
            self.gate.take(SHOP, clock())
        except Unavailable:
            return False
        return True

    def sheds(self) -> bool:
        """Whether a request with events is refused."""
        try:
            self.gate.take_events(SHOP)
        except Unavailable as error:
            return error.code == "overloaded"
        return False

    @property
    def share(self) -> float:
        return self.metrics.get("headrace_ingest_admitted_share", source=SHOP.id)


async def test_a_limit_is_shared_by_all_processes_that_are_asked(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        edges = [
            await stack.enter_async_context(Edge(settings, name).running()) for name in ("a", "b")
        ]
        parts: list[float] = []

        def both_have_a_part() -> bool:
            for edge in edges:
                for _ in range(20):
                    edge.ask()
            parts[:] = [edge.gate.buckets._part(SHOP.id, 10, clock()) for edge in edges]
            return all(part < 0.9 for part in parts)

        await until(both_have_a_part)
        assert 0.5 < sum(parts) < 1.8
    assert Edge(settings, "new").ask()


async def test_the_excess_is_refused_until_the_workers_are_through(settings: Settings) -> None:
    topic = settings.topics.raw(SHOP.id).name
    place = TopicPartition(topic, 0)
    worker: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=settings.process_group, enable_auto_commit=False
    )
    await worker.start()
    worker.assign([place])
    sent = done = 0
    try:
        async with Edge(settings, "a").running() as edge:
            while not 0 < edge.share < 1:
                edge.gate.shed.seen[SHOP.id] = 1
                for _ in range(10):
                    await edge.publisher.publish(topic, {0: [b"{}"]})
                sent, done = sent + 10, done + 1
                await worker.commit({place: done})
            assert any(edge.sheds() for _ in range(1000))
            await worker.commit({place: sent})
            async with asyncio.timeout(30):
                while edge.share < 1:  # noqa: ASYNC110 - the gauge has no event
                    await asyncio.sleep(0.05)
    finally:
        await worker.stop()
