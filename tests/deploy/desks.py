"""Desks of several processes on one broker, in the test's own loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.declare import declare
from deploy.desk import Desk
from deploy.registry import Tail
from deploy.settings import Settings
from schemas.query import Query
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

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        tail = Tail(self.kafka.address, self.settings.topics)
        rows = Rows()
        desk = Desk(self.settings, tail, archive=lambda: rows, clock=lambda: self.now)
        await tail.start()
        try:
            yield Process(tail, desk, rows)
        finally:
            await desk.stop()
            await tail.stop()
