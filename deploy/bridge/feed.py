"""One source's topic, read to its end and on: published, acknowledged, and only then committed."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from typing import Any, Final, TypeVar

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from deploy.bridge.connect import consumer_of, group_of
from deploy.bridge.registry import SchemaRegistry, registry_of
from deploy.bridge.translate import Record, Taken, Translator
from deploy.bridge.values import Values
from deploy.imports.pressure import Pressure
from deploy.settings import Settings
from ingest.connecting import connect
from ingest.publish import KafkaPublisher
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.kafka_topics import KafkaTopic
from schemas.metrics import Metrics
from schemas.sources import Source

T = TypeVar("T")
log: Final = logging.getLogger(__name__)
_RECORDS: Final = 500
_POLL_MS: Final = 500
_COMMIT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5
_BACK_OFF_SECONDS: Final = (1.0, 2.0, 5.0, 10.0)
_REVOKE_SECONDS: Final = 10.0


class Feed:
    """Reads one source's topic for as long as its definition stays what it is.

    Whatever happens it begins again behind what was committed last; what is published twice then
    has the same ids. A cluster that is away, a topic that is not there and a password that is
    wrong are tried again, and told in ``trouble``.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        topic: KafkaTopic,
        publisher: KafkaPublisher,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._source = source
        self._topic = topic
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._raw = settings.topics.raw(source.id)
        self._values = Values(topic)
        self._translator = Translator(
            source,
            topic,
            self._values,
            partitions=settings.topics.partitions,
            ids=settings.ids(),
            clock=clock,
        )
        self._consumer: Any = None
        self._registry: SchemaRegistry | None = None
        self._done: dict[TopicPartition, int] = {}
        self._seen: dict[TopicPartition, int] = {}
        self._committed_at = 0.0
        self._turn = asyncio.Lock()
        self.trouble = "connecting"

    async def run(self) -> None:
        """Read until cancelled."""
        failures = 0
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, HeadraceError) as error:
                why = error.message if isinstance(error, HeadraceError) else str(error)
                failures = 0 if not self.trouble else failures
                if self.trouble != why:
                    log.warning("source %s: %s; trying again", self._source.id, why)
                self.trouble = why or type(error).__name__
            except Exception:
                log.exception("source %s: reading its topic failed; trying again", self._source.id)
                self.trouble = "a defect, see the log"
            self._metrics.add("headrace_bridge_failures_total", source=self._source.id)
            pause = _BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)]
            failures += 1
            await asyncio.sleep(pause)

    async def _read(self) -> None:
        """Connect and read, until something fails."""
        source, topic = self._source, self._topic
        self._registry = registry_of(self._settings, source, topic)
        group = group_of(self._settings, source, topic)
        # whatever becomes of offsets that were committed, nothing that is there is passed over
        self._consumer = consumer = consumer_of(
            self._settings, source, topic, group_id=group, auto_offset_reset="earliest"
        )
        self._done.clear()
        try:
            await connect(consumer)
            if topic.topic not in await consumer.topics():
                # never subscribed to: a broker that creates topics by itself would make it
                raise Unavailable("topic-unknown", f"there is no topic {topic.topic!r}")
            consumer.subscribe([topic.topic], listener=_Moves(self._assigned, self._revoked))
            async with Pressure(
                self._settings, self._raw, ahead=topic.ahead, rate=topic.rate, waiting=self._waiting
            ) as pressure:
                self.trouble = ""
                log.info("source %s: reading topic %s as %s", source.id, topic.topic, group)
                while True:
                    await self._round(pressure)
        finally:
            self._consumer = None
            await consumer.stop()

    async def _round(self, pressure: Pressure) -> None:
        consumer = self._consumer
        batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
        async with self._turn:
            mine = consumer.assignment()
            works = await _all(
                self._take(place, records) for place, records in batches.items() if place in mine
            )
            if time.monotonic() - self._committed_at >= _COMMIT_SECONDS:
                await self._commit()
        self._measure(batches)
        if events := sum(works):
            await pressure.pace(events, lambda: None)

    async def _take(self, place: TopicPartition, records: list[ConsumerRecord[Any, Any]]) -> int:
        """Publish the events of records of one partition; returns their number."""
        taken = [each for record in records if (each := await self._translated(record))]
        by_time: dict[int, dict[int, list[bytes]]] = {}
        for each in taken:
            lines = by_time.setdefault(each.received_at, {})
            for partition, some in each.lines.items():
                lines.setdefault(partition, []).extend(some)
        await _all(self._publish(lines, received_at) for received_at, lines in by_time.items())
        self._done[place] = records[-1].offset + 1
        self._count(records, taken)
        return sum(each.events for each in taken)

    async def _translated(self, record: ConsumerRecord[Any, Any]) -> Taken | None:
        if record.value is None:
            return None  # a tombstone says nothing
        if self._registry is not None:
            await self._registry.teach(self._values, record.value)
        plain = Record(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            tuple(record.headers),
        )
        try:
            return self._translator.take(plain)
        except Exception:
            # one record must not hold up all behind it for ever
            log.exception("source %s: a defect, at %s; kept unread", self._source.id, plain.id)
            return self._translator.keep(plain, Malformed("internal", "a defect, see the log"))

    async def _publish(self, lines: Mapping[int, list[bytes]], received_at: int) -> None:
        while True:
            try:
                await self._publisher.publish(self._raw.name, lines, received_at)
            except Unavailable as error:
                self._waiting(f"Kafka: {error.message}")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._waiting("")
                return

    async def _commit(self) -> None:
        """Commit what is safe; a partition that is another's by now is its business."""
        self._committed_at = time.monotonic()
        mine = self._consumer.assignment()
        done = {place: offset for place, offset in self._done.items() if place in mine}
        self._done.clear()
        if done:
            try:
                await self._consumer.commit(done)
            except (CommitFailedError, IllegalStateError) as error:
                log.info("source %s: not committed, it comes again: %s", self._source.id, error)

    async def _assigned(self, places: Collection[TopicPartition]) -> None:
        """Begin where the source was made, of partitions that nobody has read, if that is wanted.

        Not at their ends of today: workers come one after another, and partitions later.
        """
        if self._topic.start != "latest" or not places:
            return
        consumer = self._consumer
        fresh = [place for place in places if await consumer.committed(place) is None]
        since = await consumer.offsets_for_times(dict.fromkeys(fresh, self._source.created_at))
        ends = await consumer.end_offsets(fresh)
        for place in fresh:
            found = since.get(place)
            offset = found.offset if found is not None else ends[place]
            consumer.seek(place, offset)
            self._done[place] = offset

    async def _revoked(self) -> None:
        """Finish what is under way and commit it, before another worker begins there."""
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(_REVOKE_SECONDS), self._turn:
                await self._commit()

    async def stop(self) -> None:
        """Commit what is safe, if that can be; :meth:`run` is cancelled after this."""
        if self._consumer is not None:
            await self._revoked()

    def _waiting(self, why: str) -> None:
        if why and self.trouble != why:
            log.warning("source %s waits for %s", self._source.id, why)
        self.trouble = why

    def _count(self, records: list[ConsumerRecord[Any, Any]], taken: list[Taken]) -> None:
        label, add = self._source.id, self._metrics.add
        add("headrace_bridge_records_total", len(records), source=label)
        add("headrace_bridge_tombstones_total", len(records) - len(taken), source=label)
        add("headrace_bridge_events_total", sum(each.events for each in taken), source=label)
        for each in taken:
            for code, values in each.unread.items():
                add("headrace_bridge_unread_total", values, source=label, code=code)

    def _measure(self, batches: Mapping[TopicPartition, list[ConsumerRecord[Any, Any]]]) -> None:
        """Say how far behind the ends of its partitions this worker is."""
        mine = self._consumer.assignment()
        self._seen |= {place: records[-1].offset + 1 for place, records in batches.items()}
        self._seen = {place: at for place, at in self._seen.items() if place in mine}
        ends = {place: self._consumer.highwater(place) or at for place, at in self._seen.items()}
        left = sum(max(0, ends[place] - at) for place, at in self._seen.items())
        last = min((records[-1].timestamp for records in batches.values()), default=0)
        if left == 0 or last > 0:
            age = max(0, self._clock() - last) / 1000 if left else 0
            self._metrics.set("headrace_bridge_lag_seconds", age, source=self._source.id)
        self._metrics.set("headrace_bridge_lag_records", left, source=self._source.id)


async def _all(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do some things at once; the first that fails ends all, with its own error."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]


class _Moves(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells of partitions that this worker is given, and of those that are to be another's."""

    def __init__(
        self,
        assigned: Callable[[Collection[TopicPartition]], Awaitable[None]],
        revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._assigned = assigned
        self._revoked = revoked

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        await self._revoked()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._assigned(assigned)
