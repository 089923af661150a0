"""Poll, batch, write, commit; the only door to aiokafka."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from schemas.ledger import Book
from schemas.metrics import Metrics
from schemas.topics import Topics
from sinks import bury, retry
from sinks.batch import Limits
from sinks.clickhouse import ClickHouse
from sinks.folding import Folding
from sinks.lane import Beats, Lane
from sinks.tables import DEAD_LETTERS, EVENTS, LEDGER, PROFILE_CHANGES, Table
from sinks.tally import telling
from sinks.verdict import Failed
from sinks.write import Bury, Writer

POLL_MS: Final = 200
REVOKE_SECONDS: Final = 10.0
DRAIN_SECONDS: Final = 6.0
CLOSE_SECONDS: Final = 2.0
_MEASURE_MS: Final = 1_000
_REBALANCE_MS: Final = 30_000
_FETCH_BYTES: Final = 1 << 20
_FETCH_RECORDS: Final = 100  # unpacked at once: they may be ten times as large as they came
_SEND_BYTES: Final = 16 << 20
"""A dead letter quotes its line, up to twice as long; compressed it fits the topic again."""
_log = logging.getLogger(__name__)


class Sink:
    """Events and dead letters, from their topics into their tables.

    An offset is committed when every row below it is stored, known to be stored, or a dead
    letter that the broker acknowledged.

    Args:
        kafka: bootstrap servers, ``host:port,host:port``.
        clock: Unix ms.
        chance: draws from [0, 1), for the jitter of waits.
        group: Kafka's consumer group.
        instance: ``group.instance.id``: a sink that comes back under its name keeps its
            partitions without a rebalance; "" for none.
        session_ms: after how long without a heartbeat the group gives the partitions away.
        beats: is given the heartbeats among the events, once the events around them are stored.
        book: is told what became of every record of events.
        folding: folds the profiles that stored changes are about; None only stores them.
    """

    def __init__(
        self,
        kafka: str,
        topics: Topics,
        clickhouse: ClickHouse,
        clock: Callable[[], int],
        metrics: Metrics,
        *,
        chance: Callable[[], float],
        group: str = "headrace-sink",
        instance: str = "",
        session_ms: int = 30_000,
        limits: Limits | None = None,
        beats: Beats | None = None,
        book: Book | None = None,
        folding: Folding | None = None,
    ) -> None:
        self._tell = telling(book, topics.events.name)
        self._kafka = kafka
        self._topics = topics
        self._clickhouse = clickhouse
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        self._group = group
        self._instance = instance or None
        self._session_ms = session_ms
        self._limits = limits or Limits()
        self._beats = beats
        self._consumer: Any = None
        self._producer: Any = None
        self._folding = folding
        self._assigned: set[TopicPartition] | None = None
        self._committed: dict[TopicPartition, int] = {}
        self._measured_at = 0
        self._lanes = self._laid()

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Consume until ``stop`` is set, then write and commit what was read, within 10 s.

        ``ready`` is called once, when the group has assigned this sink's partitions.

        Raises:
            Stopped: going on would be wrong; what was not committed is read again next time.
        """
        try:
            if await self._open(stop):
                await self._consume(stop, ready)
        finally:
            await self._close()

    async def _open(self, stop: asyncio.Event) -> bool:
        """Wait for ClickHouse, the broker and the topics; False when told to stop meanwhile."""
        for step in (self._reach_tables, self._reach_broker, self._subscribe):
            if not await retry.until(step, stop, self._chance, KafkaError):
                return False
        return True

    def _laid(self) -> dict[str, Lane]:
        names = self._topics
        events, changes, dead = names.events.name, names.profiles.name, names.dead.name
        letter = partial(bury.in_topic, self._send, dead, self._clock)
        last = self._writer(DEAD_LETTERS, bury.in_log).write
        return {
            events: self._lane(EVENTS, events, partial(letter, events)),
            changes: self._lane(PROFILE_CHANGES, changes, partial(letter, changes)),
            dead: self._lane(DEAD_LETTERS, dead, partial(bury.in_table, last, dead, self._clock)),
            names.ledger.name: self._lane(LEDGER, names.ledger.name, bury.in_log),
        }

    def _lane(self, table: Table, topic: str, bury: Bury) -> Lane:
        commit, writer = partial(self._commit, topic), self._writer(table, bury)
        fold = self._folding.stored if self._folding and table is PROFILE_CHANGES else None
        doubt = self._session_ms // 2
        return Lane(table, writer, commit, self._limits, self._clock, self._beats, fold, doubt)

    def _writer(self, table: Table, bury: Bury) -> Writer:
        made = partial(Writer, self._clickhouse, table, bury, self._metrics, self._clock)
        return made(self._chance, tell=self._tell if table is EVENTS else None)

    async def _reach_tables(self) -> None:
        names = [each.name for each in (EVENTS, PROFILE_CHANGES, DEAD_LETTERS, LEDGER)]
        found = await self._clickhouse.query(
            "SELECT name FROM system.tables"
            " WHERE database = {database:String} AND name IN {names:Array(String)}",
            {"database": self._clickhouse.database, "names": names},
        )
        if len(found) < len(names):
            raise Failed("tables-missing", "tables are missing: run `headrace init`")

    async def _reach_broker(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            client_id=self._group,
            group_id=self._group,
            group_instance_id=self._instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=min(3_000, self._session_ms // 3),
            rebalance_timeout_ms=max(_REBALANCE_MS, self._session_ms),
            fetch_max_bytes=_FETCH_BYTES,
            max_poll_records=_FETCH_RECORDS,
        )
        producer = AIOKafkaProducer(
            bootstrap_servers=self._kafka,
            client_id=self._group,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_request_size=_SEND_BYTES,
        )
        try:
            await consumer.start()
            await producer.start()
        except BaseException:
            await consumer.stop()
            await producer.stop()
            raise
        self._consumer, self._producer = consumer, producer

    async def _subscribe(self) -> None:
        # Asking for all topics creates none; subscribing to a missing one might.
        absent = self._lanes.keys() - await self._consumer.topics()
        if wanted := absent - {self._topics.ledger.name}:
            raise Failed("topics-missing", f"no topic {min(wanted)}: run `headrace init`")
        listener = _Listener(self._revoked, self._granted)
        self._consumer.subscribe([*self._lanes.keys() - absent], listener=listener)

    async def _consume(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        lanes = self._lanes.values()
        announced = False
        while not stop.is_set():
            wait = min(lane.wait_ms(POLL_MS) for lane in lanes)
            self._take(await self._consumer.getmany(timeout_ms=wait))
            for lane in lanes:
                lane.pump()
            self._regulate()
            self._measure()
            if not announced and self._assigned is not None:
                announced = True
                ready()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.gather(*(lane.drain() for lane in lanes))
        except TimeoutError:
            _log.warning("stopping with rows not written; they are read again at the next start")

    def _take(self, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        for place, records in fetched.items():
            if place not in (self._assigned or ()):
                continue  # fetched before a rebalance; their new owner reads them again
            lane = self._lanes[place.topic]
            self._committed.setdefault(place, records[0].offset)
            for record in records:
                lane.take(record.value, record.partition, record.offset)

    def _regulate(self) -> None:
        """Pause topics whose buffer is full; polling goes on, or the group would expel us."""
        for topic, lane in self._lanes.items():
            places = [place for place in self._assigned or () if place.topic == topic]
            if lane.buffer.full and not lane.paused:
                self._consumer.pause(*places)
                lane.paused = True
            elif lane.paused and lane.buffer.drained:
                self._consumer.resume(*places)
                lane.paused = False

    def _measure(self) -> None:
        now = self._clock()
        if now - self._measured_at >= _MEASURE_MS:
            self._measured_at = now
            self._metrics.set("headrace_sink_lag_records", self._lag())
            buffered = sum(len(lane.buffer) for lane in self._lanes.values())
            self._metrics.set("headrace_sink_buffered_rows", buffered)

    def _lag(self) -> int:
        lag = 0
        for place in self._assigned or ():
            end = self._consumer.highwater(place)
            if end is not None and place in self._committed:
                lag += max(0, end - self._committed[place])
        return lag

    async def _commit(self, topic: str, offsets: Mapping[int, int]) -> None:
        places = {TopicPartition(topic, p): offset for p, offset in offsets.items()}
        try:
            await self._consumer.commit(places)
        except (CommitFailedError, IllegalStateError) as error:
            # The group has moved on. The rows are stored; whoever owns them now is fenced.
            _log.warning("offsets of %s not committed: %s", topic, error)
            return
        self._committed |= places

    async def _send(self, topic: str, partition: int, value: bytes) -> None:
        send = partial(self._producer.send_and_wait, topic, value, partition=partition)
        await retry.until(send, asyncio.Event(), self._chance, KafkaError)

    async def _revoked(self) -> None:
        self._assigned = set()
        await asyncio.gather(*(lane.revoke(REVOKE_SECONDS) for lane in self._lanes.values()))

    def _granted(self, places: set[TopicPartition]) -> None:
        self._assigned = places
        self._committed = {p: o for p, o in self._committed.items() if p in places}
        if self._folding is not None:
            self._folding.suspect()

    async def _close(self) -> None:
        for lane in self._lanes.values():
            await lane.revoke(0)
        for client in (self._consumer, self._producer):
            if client is None:
                continue
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await client.stop()
            except TimeoutError:
                _log.warning("the broker did not answer the farewell")
        await self._clickhouse.close()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(
        self,
        revoked: Callable[[], Awaitable[None]],
        granted: Callable[[set[TopicPartition]], None],
    ) -> None:
        self._revoked = revoked
        self._granted = granted

    async def on_partitions_revoked(self, _: object) -> None:
        """Called before the group deals anew; always all partitions (the protocol is eager)."""
        await self._revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._granted(set(assigned))
