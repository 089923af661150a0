"""Desks of several processes on one broker, in the test's own loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.declare import declare
from deploy.desk import Desk
from deploy.registry import Tail
from deploy.settings import Settings
from schemas import codec
from schemas.commands import Profile, SelectProfiles
from schemas.named import Asked
from schemas.query import Query
from schemas.sources import Source, from_record
from tests.ingest.kafka import Kafka

NOW = 1_795_196_900_000


@dataclass
class Rows:
    """An archive that knows what it is told."""

    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    closed: bool = False

    async def select(
        self, source_id: str, query: Query, customer: str = ""
    ) -> list[dict[str, Any]]:
        self.asked.append((source_id, query, customer))
        return [{"rows": 1}]

    async def run(self, source_id: str, asked: Asked, customer: str = "") -> list[dict[str, Any]]:
        self.asked.append((source_id, asked, customer))
        return [{"rows": 1}]

    async def profiles(self, asked: SelectProfiles) -> list[Profile]:
        self.asked.append((asked,))
        return [Profile(("u1",), {}, NOW, NOW)]

    async def erase(self, source_id: str, customer: str) -> int:
        self.asked.append((source_id, customer))
        return 7

    async def properties(self, source_id: str) -> dict[str, dict[str, str]]:
        self.asked.append((source_id,))
        return self.seen

    async def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Process:
    """What one process has: a tail and a desk."""

    tail: Tail
    desk: Desk
    rows: Rows


class Installation:
    """A broker with the fixed topics, and as many processes as a test wants."""

    def __init__(self, kafka: Kafka, data: Path) -> None:
        self.kafka = kafka
        self.now = NOW
        self.settings = Settings(kafka=kafka.address, data=data, partitions=4)

    async def prepare(self) -> None:
        await declare(self.kafka.address, self.settings.topics.fixed())

    async def left_by_compaction(self) -> dict[str, Source]:
        """What a reader finds who sees nothing but the last record of every source."""
        partition = TopicPartition(self.settings.topics.sources.name, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.address,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            last: dict[bytes, bytes | None] = {}
            while await consumer.position(partition) < end:
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    last |= {record.key: record.value for record in batch}
        finally:
            await consumer.stop()
        found = [from_record(codec.loads(value)) for value in last.values() if value is not None]
        return {source.id: source for source in found}

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        tail = Tail(self.kafka.address, self.settings.topics, tasks=True)
        rows = Rows()
        desk = Desk(self.settings, tail, archive=lambda: rows, clock=lambda: self.now)
        await tail.start()
        try:
            yield Process(tail, desk, rows)
        finally:
            await desk.stop()
            await tail.stop()
