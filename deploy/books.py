"""Writes what a tier counted to the ledger's topic, beside the tier's work and never in its way."""

import asyncio
import contextlib
import logging
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.settings import Settings
from deploy.tier import clock
from ingest.connecting import connect
from ingest.ending import ended
from schemas.ledger import FLUSH_SECONDS, Book, Tier
from schemas.metrics import Metrics
from schemas.topics import MAX_RECORD_BYTES, Topics

log: Final = logging.getLogger(__name__)
_ANSWER_SECONDS: Final = 3.0
_CLOSE_SECONDS: Final = 2.0


def keep_books(tier: Tier, settings: Settings, metrics: Metrics) -> "tuple[Book, Keeper]":
    """What a tier counts, and who writes that down."""
    book = Book(tier, clock)
    return book, Keeper(settings.kafka, settings.topics, book, metrics, tier)


class Keeper:
    """Writes a book down once a second, with a connection of its own.

    Nothing waits for it but the end of the tier. While the topic cannot be written the book
    keeps what it can; what is dropped, or was not written when the process died, is counted by
    `headrace audit` from the records themselves.
    """

    def __init__(self, kafka: str, topics: Topics, book: Book, metrics: Metrics, tier: str) -> None:
        self._kafka = kafka
        self._topic = topics.ledger.name
        self._book = book
        self._metrics = metrics
        self._tier = tier
        self._producer: Any = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write; connects in the background."""
        self._task = asyncio.create_task(self._run(), name="ledger")

    async def stop(self) -> None:
        """Write what is left, if it can be written now."""
        await ended(self._task)
        await self._flush()
        await self._disconnect()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                for written in self._book.take():
                    producer = await self._connected()
                    await producer.send_and_wait(self._topic, written.value, partition=0)
                    self._book.confirm(written)
                    self._count(written.entries)
        except (KafkaError, OSError, TimeoutError) as error:
            log.debug("the ledger waits: %r", error)
            await self._disconnect()
        except Exception:
            log.exception("the ledger could not be written")
            await self._disconnect()
        self._metrics.set("headrace_ledger_dropped_total", self._book.dropped, tier=self._tier)

    def _count(self, entries: int) -> None:
        self._metrics.add("headrace_ledger_entries_total", entries, tier=self._tier)

    async def _connected(self) -> Any:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._kafka,
                acks="all",
                compression_type="zstd",
                max_request_size=MAX_RECORD_BYTES,
                request_timeout_ms=int(_ANSWER_SECONDS * 1000),
            )
            try:
                await connect(producer)
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await producer.stop()
