"""What every tier knows of the installation: sources, schemas and merged profiles, tailed."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.declare import wait_for_kafka
from deploy.tasks.known import Known
from deploy.turns import HEADER, Turns
from ingest.connecting import connect
from ingest.ending import ended
from schemas import codec
from schemas.catalog import Catalog
from schemas.catalog import read as read_collection
from schemas.errors import Malformed
from schemas.journal import Journal
from schemas.merges import Merges, named
from schemas.merges import read as read_merge
from schemas.sources import Registry, from_record
from schemas.topics import Topics
from schemas.webhooks import Webhooks

log: Final = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 10.0


class Tail:
    """Follows the compacted topics from their beginning, for as long as the tier lives.

    ``registry``, ``catalog``, ``merges`` and ``webhooks`` are complete once :meth:`start` returned;
    ``version`` rises with every change of a source, ``touched`` lists collections that changed.
    A broker that is away is waited for: a cold cache must not fail a request.

    Args:
        tasks: follow scheduled tasks as well, for whoever keeps or runs them.
    """

    def __init__(self, kafka: str, topics: Topics, *, tasks: bool = False) -> None:
        self._kafka = kafka
        self.webhooks = Webhooks()
        self._folds: dict[str, Callable[[bytes, bytes | None], None]] = {
            topics.sources.name: self._fold_source,
            topics.schemas.name: self._fold_schema,
            topics.overrides.name: self._fold_merge,
            topics.webhooks.name: self.webhooks.fold,
        }
        self.tasks = Known()
        if tasks:
            self._folds[topics.tasks.name] = self.tasks.fold_task
            self._folds[topics.task_runs.name] = self.tasks.fold_runs
        self._turns = {name: Turns() for name in self._folds if name != topics.overrides.name}
        self._sources = TopicPartition(topics.sources.name, 0)
        self._overrides = TopicPartition(topics.overrides.name, 0)
        self._partitions = [TopicPartition(name, 0) for name in self._folds]
        self._next = dict.fromkeys(self._partitions, 0)
        self._caught_up = asyncio.Event()
        self._change = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.registry = Registry()
        self.catalog = Catalog()
        self.merges = Merges()
        self.version = 0
        self.touched = Journal()

    async def start(self) -> None:
        """Return when everything written so far is known."""
        self._task = asyncio.create_task(self._run(), name="tail")
        await self._caught_up.wait()

    async def stop(self) -> None:
        """End the tail."""
        await ended(self._task)

    async def changed(self, seen: int) -> int:
        """Wait until ``version`` is above ``seen``; return it."""
        async with self._change:
            await self._change.wait_for(lambda: self.version > seen)
            return self.version

    async def collections_changed(self, seen: int) -> None:
        """Wait until ``touched.revision`` is above ``seen``."""
        async with self._change:
            await self._change.wait_for(lambda: self.touched.revision > seen)

    async def tasks_changed(self, seen: int) -> None:
        """Wait until ``tasks.revision`` is above ``seen``."""
        async with self._change:
            await self._change.wait_for(lambda: self.tasks.revision > seen)

    def read_to(self, topic: str) -> int:
        """Offset of the last record of a topic that is known here; not of merged profiles."""
        return self._turns[topic].read_to

    @property
    def merges_read(self) -> int:
        """How many records of merges ``merges`` is made of."""
        return self._next[self._overrides]

    async def counted(self, topic: str, offset: int) -> bool:
        """Wait until a record just written has come back; tell whether it counts."""
        async with self._change:
            await self._change.wait_for(lambda: self._turns[topic].read_to >= offset)
        return self._turns[topic].counted(offset)

    async def _run(self) -> None:
        """Follow for ever; a bug in here must not end it either."""
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
            try:
                await connect(consumer)
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                log.warning("sources and schemas: %s; trying again", error)
            except Exception:
                log.exception("following sources and schemas failed; trying again")
            finally:
                await consumer.stop()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, consumer: Any) -> None:
        consumer.assign(self._partitions)
        ends = await consumer.end_offsets(self._partitions)
        for partition, end in ends.items():
            if end < self._next[partition]:
                log.warning("%s ends before what was read of it: read anew", partition.topic)
                self._next[partition] = 0
                if partition.topic in self._turns:
                    self._turns[partition.topic] = Turns()
            consumer.seek(partition, self._next[partition])
        while True:
            if not self._caught_up.is_set():
                left = [tp for tp, end in ends.items() if await consumer.position(tp) < end]
                if not left:
                    self._caught_up.set()
            batches = await consumer.getmany(timeout_ms=1000)
            for partition, records in batches.items():
                for record in records:
                    self._take(record)
                self._next[partition] = records[-1].offset + 1
            if batches:
                async with self._change:
                    self.version += self._sources in batches
                    self._change.notify_all()

    def _take(self, record: Any) -> None:
        turns = self._turns.get(record.topic)
        header = dict(record.headers).get(HEADER)
        if turns is not None and not turns.take(record.key, record.offset, header):
            log.debug(
                "%s: the record of %r at %d does not count: its writer had missed another",
                record.topic,
                record.key,
                record.offset,
            )
            return
        try:
            self._folds[record.topic](record.key, record.value)
        except Malformed:
            log.exception(
                "%s: the record of %r is not readable and is left out", record.topic, record.key
            )

    def _fold_source(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.registry.remove(key.decode())
        else:
            self.registry.put(from_record(codec.loads(value)))

    def _fold_schema(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.catalog.remove(key)
        else:
            collection = read_collection(value)
            self.catalog.put(collection)
            self.touched.note((collection.source_id, collection.name))

    def _fold_merge(self, key: bytes, value: bytes | None) -> None:
        if value is not None:
            self.merges.put(*read_merge(value))
        else:
            self.merges.forgotten += 1
            if (edge := named(key)) is not None:
                self.merges.forget(edge)


async def read_sources(kafka: str, topics: Topics) -> Registry:
    """Read the registry once; see :func:`read_once`."""
    return (await read_once(kafka, topics)).registry


async def read_once(kafka: str, topics: Topics) -> Tail:
    """Read everything once.

    Raises:
        SettingError: no broker answers.
    """
    await wait_for_kafka(kafka, seconds=_ANSWER_SECONDS)
    tail = Tail(kafka, topics)
    await tail.start()
    await tail.stop()
    return tail
