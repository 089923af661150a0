"""Edges and changes taken back, as everybody sees who tails the topics."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from deploy.registry import Tail
from deploy.tombstones import KafkaTombstones
from schemas import merges
from schemas.merges import Edge
from tests.deploy.desks import NOW, Installation
from tests.ingest.kafka import Kafka

LINK = Edge("visitor", "anna", NOW, "link")
AGAIN = LINK._replace(at=NOW + 1)
"""Says the same once more: it would count if only the first were gone."""
LATER = Edge("visitor", "anna", NOW + 10, "link")
OTHERS = Edge("other", "bert", NOW, "link")


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[Kafka]:
    async with Kafka(tmp_path / "kafka") as kafka:
        yield kafka


async def test_an_edge_is_gone_with_all_that_said_the_same(kafka: Kafka, tmp_path: Path) -> None:
    installation = Installation(kafka, tmp_path)
    await installation.prepare()
    topics = installation.settings.topics
    producer = AIOKafkaProducer(bootstrap_servers=kafka.address)
    await producer.start()
    try:
        for edge in (LINK, AGAIN, OTHERS, LINK):
            value = merges.write(*edge)
            key = merges.key(*edge)
            await producer.send_and_wait(topics.overrides.name, value, key=key, partition=0)
    finally:
        await producer.stop()
    tombstones = KafkaTombstones(kafka.address, topics)
    try:
        assert await tombstones.edges(["visitor", "anna"], NOW + 5) == 2
        assert await tombstones.edges(["visitor", "anna"], NOW + 5) == 0
        await tombstones.changes([(1, b"key", None), (1, b"other", b"{}")])
    finally:
        await tombstones.stop()
    tail = Tail(kafka.address, topics)
    await tail.start()
    try:
        assert tail.merges.resolve("visitor") == "visitor"
        assert tail.merges.resolve("other") == "bert"
        assert tail.merges.is_news(*LATER), "it is written again"
        assert tail.merges.forgotten == 4
    finally:
        await tail.stop()
