"""Events live, as they pass: read from the topics without a group, and from the table."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.passing import Passing, Stage, passing
from deploy.settings import Settings
from ingest.connecting import connect
from ingest.ending import ended
from schemas import codec
from schemas.topics import HEARTBEAT
from sinks.clickhouse import ClickHouse
from sinks.latest import Latest
from sinks.verdict import Failed

MOST_BEHIND: Final = 2_000
"""Records of a partition; whoever reads more slowly than is written is brought to the end."""
AGAIN_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 2.0
"""From one look for new topics to the next."""
_POLL_MS: Final = 250
_AT_ONCE: Final = 500
_FETCH_BYTES: Final = 4 << 20

Show = Callable[[Sequence[Passing]], None]
"""Prints; may be as slow as its terminal."""
Say = Callable[[str], None]
"""Tells what is not an event."""


class Watch:
    """What passes, from now or a moment before on.

    Belongs to no consumer group, so it moves no offset and nobody waits for it.

    Args:
        source_id: the only source to show; "" for all but headrace's own heartbeat.
        since: Unix ms; None for now.
    """

    def __init__(
        self,
        settings: Settings,
        stages: Collection[Stage],
        source_id: str,
        since: int | None,
        show: Show,
        say: Say,
    ) -> None:
        self._settings = settings
        self._source_id = source_id
        self._since = since
        self._show = show
        self._say = say
        self._stages = frozenset(stages)
        topics = settings.topics
        self._raw = topics.raw(source_id).name
        self._of = {
            topics.events.name: "events",
            topics.dead.name: "dead",
        }
        self._next: dict[TopicPartition, int] = {}
        self._from: dict[TopicPartition, int] = {}
        self._began = False

    async def run(self) -> None:
        """Show for ever; what is away is asked again."""
        work = [self._again(self._records)] if self._stages - {"stored"} else []
        if "stored" in self._stages:
            work.append(self._again(self._rows))
        tasks = [asyncio.ensure_future(each) for each in work]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(*tasks)

    async def _again(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except KafkaError as error:
                self._say(f"Kafka does not answer ({error}); trying again")
            except Failed as failure:
                self._say(f"ClickHouse does not answer ({failure.message}); trying again")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _rows(self) -> None:
        client = ClickHouse(self._settings.clickhouse_writer)
        latest = Latest(client, self._source_id, self._since)
        try:
            while True:
                rows = await latest.look()
                if latest.skipped:
                    self._say(f"stored: more than {len(rows):,} at once, only the newest are shown")
                self._show([Passing(row.stored_at, "stored", *row[1:]) for row in rows])
                await asyncio.sleep(2 * _POLL_MS / 1000)
        finally:
            await client.close()

    async def _records(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_committed",
            fetch_max_bytes=_FETCH_BYTES,
        )
        try:
            await connect(consumer)
            clock = asyncio.get_running_loop().time
            look_at = 0.0
            while True:
                if clock() >= look_at:
                    await self._assign(consumer)
                    look_at = clock() + LOOK_SECONDS
                if not self._next:
                    await asyncio.sleep(_POLL_MS / 1000)
                    continue
                batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_AT_ONCE)
                self._take(batches)
                self._catch_up(consumer)
        finally:
            await consumer.stop()

    def _take(self, batches: Any) -> None:
        found = []
        for place, records in batches.items():
            self._next[place] = records[-1].offset + 1
            stage = self._stage(place.topic)
            for record in records:
                where = (place.topic, place.partition, record.offset)
                lines = codec.split_lines(record.value or b"")
                found += [passing(stage, line, record.timestamp, where) for line in lines]
        wanted = [each for each in found if self._wants(each.source_id)]
        self._show(sorted(wanted, key=lambda each: each.at))

    def _wants(self, source_id: str) -> bool:
        return source_id == self._source_id if self._source_id else source_id != HEARTBEAT

    def _stage(self, topic: str) -> Stage:
        return (
            "events" if self._of.get(topic) == "events" else "dead" if topic in self._of else "raw"
        )

    def _catch_up(self, consumer: Any) -> None:
        """Leave out what is too far behind; not what was asked for with a time."""
        for place, at in self._next.items():
            end = consumer.highwater(place)
            if end is None or at < self._from[place] or end - at <= MOST_BEHIND:
                continue
            self._say(f"{place.topic}[{place.partition}]: {end - at:,} records left out")
            self._next[place] = end
            consumer.seek(place, end)

    async def _assign(self, consumer: Any) -> None:
        """Take in the partitions that are new: later ones from their beginning."""
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001  no public way
        there = [
            TopicPartition(name, partition)
            for name in sorted(filter(self._reads, cluster.topics()))
            for partition in cluster.partitions_for_topic(name) or ()
        ]
        new = [place for place in there if place not in self._next]
        if self._began and not new and consumer.assignment():
            return
        if new:
            await self._place(consumer, new)
        self._began = True
        consumer.assign(list(self._next))
        for place, offset in self._next.items():
            consumer.seek(place, offset)

    async def _place(self, consumer: Any, new: list[TopicPartition]) -> None:
        ends = await consumer.end_offsets(new)
        if self._began:
            first = dict(await consumer.beginning_offsets(new))
        elif self._since is not None:
            found = await consumer.offsets_for_times(dict.fromkeys(new, self._since))
            first = {place: ends[place] if at is None else at.offset for place, at in found.items()}
        else:
            first = dict(ends)
        self._next |= first
        self._from |= dict(ends)

    def _reads(self, topic: str) -> bool:
        if topic in self._of:
            return self._of[topic] in self._stages
        if "raw" not in self._stages:
            return False
        return topic == self._raw if self._source_id else topic.startswith(self._raw)
