"""Event sources on the compacted topic: tailed by every tier, written by the command line."""

import asyncio
import contextlib
import logging
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.declare import wait_for_kafka
from schemas import codec
from schemas.errors import Malformed
from schemas.sources import Registry, Source, from_record
from schemas.topics import Topics

log: Final = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 10.0


class SourcesTail:
    """Follows ``<prefix>.sources`` from its beginning, for as long as the tier lives.

    ``registry`` is complete once :meth:`start` returned; ``version`` rises with every change.
    A broker that is away is waited for: a cold cache must not fail a request.
    """

    def __init__(self, kafka: str, topics: Topics) -> None:
        self._kafka = kafka
        self._partition = TopicPartition(topics.sources.name, 0)
        self._caught_up = asyncio.Event()
        self._change = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.registry = Registry()
        self.version = 0

    async def start(self) -> None:
        """Return when everything written so far is in the registry."""
        self._task = asyncio.create_task(self._run(), name="sources")
        await self._caught_up.wait()

    async def stop(self) -> None:
        """End the tail."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def changed(self, seen: int) -> int:
        """Wait until ``version`` is above ``seen``; return it."""
        async with self._change:
            await self._change.wait_for(lambda: self.version > seen)
            return self.version

    async def _run(self) -> None:
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
            try:
                await consumer.start()
                await self._follow(consumer)
            except KafkaError as error:
                log.warning("sources: %s; trying again", error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                await consumer.stop()

    async def _follow(self, consumer: Any) -> None:
        consumer.assign([self._partition])
        await consumer.seek_to_beginning(self._partition)
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        while True:
            if await consumer.position(self._partition) >= end:
                self._caught_up.set()
            batches = await consumer.getmany(timeout_ms=1000)
            records = [record for batch in batches.values() for record in batch]
            for record in records:
                self._fold(record.key.decode(), record.value)
            if records:
                async with self._change:
                    self.version += 1
                    self._change.notify_all()

    def _fold(self, source_id: str, value: bytes | None) -> None:
        if value is None:
            self.registry.remove(source_id)
            return
        try:
            self.registry.put(from_record(codec.loads(value)))
        except Malformed:
            log.exception("sources: the record of %r is not readable and is left out", source_id)


async def read_sources(kafka: str, topics: Topics) -> Registry:
    """Read the registry once.

    Raises:
        SettingError: no broker answers.
    """
    await wait_for_kafka(kafka, seconds=_ANSWER_SECONDS)
    tail = SourcesTail(kafka, topics)
    await tail.start()
    await tail.stop()
    return tail.registry


async def write_source(kafka: str, topics: Topics, source: Source) -> None:
    """Write a source's record; returns when all replicas have it."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(
            topics.sources.name, codec.dumps(source.as_record()), key=source.id.encode()
        )
    finally:
        await producer.stop()
