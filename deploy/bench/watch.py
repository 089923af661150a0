"""Watching the events topic for the events of one load."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer

from deploy.bench.samples import number_of
from deploy.declare import end_offsets
from deploy.settings import Settings
from schemas.codec import split_lines

_GRACE_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05


@dataclass(slots=True)
class Seen:
    """What came: when first (Unix seconds), what again, and in which sessions."""

    at: dict[int, float] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    sessions: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def take(self, record: bytes, run: int) -> None:
        """Note the events of a run in a record of the topic."""
        now = time.time()
        for line in split_lines(record):
            event = orjson.loads(line)
            said = event["properties"]
            properties = orjson.loads(said) if isinstance(said, str) else said
            number = number_of(properties.get("n", -1), run)
            if number is None:
                continue
            if number in self.at:
                self.repeated.add(number)
            self.at.setdefault(number, now)
            self.sessions[number].add(event["session_id"])

    async def until(self, numbers: Collection[int]) -> None:
        """Wait until all have come, and a second for repetitions; or as long as is bearable."""
        deadline = time.monotonic() + _GRACE_SECONDS
        wanted = set(numbers)
        while not self.at.keys() >= wanted and time.monotonic() < deadline:  # noqa: ASYNC110  polls
            await asyncio.sleep(_POLL_SECONDS)
        await asyncio.sleep(1)


@asynccontextmanager
async def watching(settings: Settings, run: int) -> AsyncIterator[Seen]:
    """Note what comes from now on."""
    ends = await end_offsets(settings.kafka, [settings.topics.events.name])
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    seen = Seen()

    async def watch() -> None:
        async for record in consumer:
            seen.take(record.value, run)

    task: asyncio.Task[None] | None = None
    try:
        consumer.assign(list(ends))
        for place, end in ends.items():
            consumer.seek(place, end)
        task = asyncio.create_task(watch())
        yield seen
    finally:
        if task is not None:
            task.cancel()
        await consumer.stop()
