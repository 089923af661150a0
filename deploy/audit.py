"""The audit: every accepted event is held against what became of it."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.balance import balance
from deploy.inquest import Line, event_lines, known, raw_lines
from deploy.reckoning import Finding, Findings, reckon
from deploy.records import records
from deploy.registry import Tail, read_once
from deploy.settings import Settings
from deploy.sheet import Fate, Key, Log, Place, Sheet, Side, Why, by_place
from deploy.tier import clock
from processors.unfolding import unfolding
from schemas.errors import Unavailable
from schemas.wire import vendor
from sinks.clickhouse import ClickHouse
from sinks.ledger import Ledger

WAIT_SECONDS: Final = 15.0
"""How long the sink may take for what was written before the audit asked."""
MARGIN_MS: Final = 60_000
"""Clocks of edges and processors may differ by so much."""
_LOOK_SECONDS: Final = 0.25


@dataclass(slots=True)
class Audited:
    """The result.

    Attributes:
        fates: source and minute -> what became of its events.
        uncovered: of these, events that the edge did not count.
        looked_into: records that were read because the ledger did not vouch for them.
    """

    fates: dict[Key, Counter[Fate]]
    findings: list[Finding]
    uncovered: Counter[Key] = field(default_factory=Counter)
    looked_into: int = 0

    @property
    def missing(self) -> int:
        """How many events are missing."""
        return sum(fates["missing"] for fates in self.fates.values())


async def audit(settings: Settings, since: int) -> Audited:
    """Hold against each other what was written to Kafka since a moment (Unix ms).

    Raises:
        Unavailable: ``broker-unavailable``.
        Failed: ClickHouse does not answer.
    """
    tail = await read_once(settings.kafka, settings.topics)
    ledger = Ledger(ClickHouse(settings.clickhouse_writer))
    try:
        async with _kafka(settings.kafka) as (consumer, admin):
            return await _Audit(settings, tail, ledger, consumer, admin, since).run()
    except (KafkaError, OSError) as error:
        raise Unavailable("broker-unavailable", f"Kafka does not answer: {error}") from error
    finally:
        await ledger.close()


@asynccontextmanager
async def _kafka(address: str) -> AsyncIterator[tuple[Any, Any]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    try:
        await consumer.start()
        await admin.start()
        yield consumer, admin
    finally:
        await consumer.stop()
        await admin.close()


class _Audit:
    def __init__(
        self,
        settings: Settings,
        tail: Tail,
        ledger: Ledger,
        consumer: Any,
        admin: Any,
        since: int,
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._registry = tail.registry
        self._unfold = unfolding(tail.webhooks, vendor, clock)
        self._ledger = ledger
        self._consumer = consumer
        self._admin = admin
        self._since = since
        self._sheet = Sheet()
        self._findings = Findings()
        self._letters: set[Place] = set()

    async def run(self) -> Audited:
        raw = await self._raw_topics()
        names = [*raw, self._topics.events.name]
        partitions = range(self._topics.partitions)
        places = [TopicPartition(name, number) for name in names for number in partitions]
        begun = await self._committed(places)
        first = await self._first(places)
        for number in partitions:
            side = await self._side(number, raw, first, begun)
            balance(side, self._sheet)
        suspects = by_place(self._sheet.suspects)
        waiting = await self._waiting(suspects)
        await self._look_into(suspects, waiting)
        fates = self._sheet.settle()
        return Audited(fates, self._findings.all(), self._sheet.uncovered, len(suspects))

    async def _raw_topics(self) -> list[str]:
        """Raw topics of sources that exist."""
        prefix, not_this = self._topics.raw("").name, self._topics.heartbeats.name
        names = await self._consumer.topics()
        return sorted(name for name in names if name.startswith(prefix) and name != not_this)

    async def _committed(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        done: dict[TopicPartition, int] = {}
        for group in (self._settings.process_group, self._settings.sink_group):
            offsets = await self._admin.list_consumer_group_offsets(group)
            done |= {place: found.offset for place, found in offsets.items()}
        begins = await self._consumer.beginning_offsets(places)
        return {place: max(done.get(place, 0), begins[place]) for place in places}

    async def _first(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """First offset of each partition that was written since then."""
        ends = await self._consumer.end_offsets(places)
        later = self._topics.events.name
        times = {place: self._since - MARGIN_MS * (place.topic == later) for place in places}
        found = await self._consumer.offsets_for_times(times)
        return {
            place: ends[place] if found.get(place) is None else found[place].offset
            for place in places
        }

    async def _side(
        self,
        number: int,
        raw: Collection[str],
        first: Mapping[TopicPartition, int],
        begun: Mapping[TopicPartition, int],
    ) -> Side:
        """Fetch what there is about a partition number; the ends of the log last of all."""
        events = TopicPartition(self._topics.events.name, number)
        places = [events, *(TopicPartition(topic, number) for topic in raw)]
        begin = {place.topic: first[place] for place in places}
        since = self._since - MARGIN_MS
        said = await self._ledger.entries(number, begin, since)
        rows = await self._ledger.rows(number, first[events])
        found = await self._ledger.letters(number, begin, since)
        letters = {Place(topic, number, at): count for (topic, at), count in found.items()}
        self._letters.update(letters)
        ends = await self._consumer.end_offsets(places)
        logs = {p: Log(p.topic, number, first[p], ends[p], begun[p]) for p in places}
        sides = {topic: logs[TopicPartition(topic, number)] for topic in raw}
        return Side(sides, said["edge"], said["process"], logs[events], said["sink"], rows, letters)

    async def _waiting(self, suspects: Mapping[Place, object]) -> set[int]:
        """Partition numbers in which the sink does not get done what was written by now."""
        numbers = {place.partition for place in suspects}
        written = [
            TopicPartition(topic.name, number)
            for topic in (self._topics.events, self._topics.dead)
            for number in numbers
        ]
        if not written:
            return set()
        ends = await self._consumer.end_offsets(written)
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            done = await self._committed(written)
            late = {place.partition for place in written if done[place] < ends[place]}
            if not late or time.monotonic() > deadline:
                return late
            await asyncio.sleep(_LOOK_SECONDS)

    def _raw_lines(self, place: Place, value: bytes) -> list[Line]:
        return list(raw_lines(place, value, self._registry, self._unfold))

    async def _look_into(self, suspects: Mapping[Place, Why], waiting: set[int]) -> None:
        events = self._topics.events.name
        lines: dict[Place, list[Line]] = {}
        async for place, value in records(self._consumer, suspects.keys()):
            if place.topic == events:
                lines[place] = list(event_lines(place, value))
            else:
                lines[place] = await asyncio.to_thread(self._raw_lines, place, value)
        everything = [line for each in lines.values() for line in each]
        facts = await known(self._ledger, everything, self._letters, waiting)
        reckon(self._sheet, suspects, lines, facts, self._findings, events)
