"""The whole way of one event, out of the tables and the topics."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.registry import read_sources
from deploy.search import Found, Search, unavailable
from deploy.settings import Settings
from processors.steps.decode import decode
from schemas import codec
from schemas.errors import Malformed
from schemas.sources import Registry
from schemas.topics import HEARTBEAT, Topics
from schemas.wire import vendor
from sinks.clickhouse import ClickHouse
from sinks.traces import Traces

MARGIN_MS: Final = 60_000
"""Clocks of edges, processors and brokers may differ by so much."""
_TIME_BITS: Final = 80
_VERSION_AT: Final = 14

Progress = Callable[[int, int], None]
"""Told how many offsets were passed, and of how many."""


@dataclass(slots=True)
class Trace:
    """What was found of an event.

    Attributes:
        rows, letters, replays: as :mod:`sinks.traces` has them; times are Unix ms.
        raw, events, dead: records that hold it, in order of time.
        committed: what the groups have committed, as of before the topics were read.
        ends: how far the partitions reached.
        since, until: what was read of the topics was written between these moments, Unix ms.
        unsaved: it is not stored by its client's or its source's wish.
    """

    event_id: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    replays: list[dict[str, Any]] = field(default_factory=list)
    raw: list[Found] = field(default_factory=list)
    events: list[Found] = field(default_factory=list)
    dead: list[Found] = field(default_factory=list)
    committed: dict[tuple[str, int], int] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    since: int = 0
    until: int = 0
    unsaved: bool = False

    @property
    def state(self) -> str:
        """Where it is.

        ``stored``; ``dead``; ``processing``, ``storing`` or ``burying``: on its way there;
        ``unsaved``: processed and not to be stored; ``heartbeat``; ``missing``: passed, and in no
        table; ``unknown``: nowhere in the stretch of time that was read.
        """
        if self.rows:
            return "stored"
        if self.letters:
            return "dead"
        ways = ((self.events, "storing"), (self.dead, "burying"), (self.raw, "processing"))
        waiting = (state for found, state in ways if any(map(self.waits, found)))
        return next(waiting, "") or self._past()

    def _past(self) -> str:
        """Say what became of an event that waits nowhere and is in no table."""
        if not self.raw and not self.events and not self.dead:
            return "unknown"
        if self.raw and codec.loads(self.raw[0].line).get("source_id") == HEARTBEAT:
            return "heartbeat"
        return "unsaved" if self.unsaved and not self.events else "missing"

    def waits(self, found: Found) -> bool:
        """Tell whether its record was not yet passed by the tier that reads it."""
        return found.offset >= self.committed.get((found.topic, found.partition), 0)

    def before(self, found: Found) -> int:
        """Count the records that its tier has to pass before this one."""
        return max(0, found.offset - self.committed.get((found.topic, found.partition), 0))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where to look.

    Attributes:
        source_id: "" for any.
        since: Unix ms; None finds out from the rows or from the id itself, else looks back for
            as long as ``window_ms``.
        window_ms: how much time of the topics is read.
    """

    event_id: str
    source_id: str
    since: int | None
    window_ms: int


async def trace(settings: Settings, wanted: Wanted, now: int, progress: Progress) -> Trace:
    """Follow one event.

    Raises:
        Failed: ClickHouse does not answer.
        Unavailable: the broker does not.
        SettingError: no broker answers.
    """
    registry = await read_sources(settings.kafka, settings.topics)
    client = ClickHouse(settings.clickhouse_writer)
    tables = Traces(client)
    known = Trace(wanted.event_id)
    try:
        await _ask(tables, known)
        known.since, known.until = _stretch(known, wanted, now)
        known.committed = await _committed(settings)
        async with Search(settings.kafka) as search:
            await _search(search, settings.topics, wanted, known, progress)
        if not known.rows:  # it may have been stored while the topics were read
            await _ask(tables, known)
    finally:
        await client.close()
    known.unsaved = any(_unsaved(found, registry) for found in known.raw)
    return known


async def _ask(tables: Traces, known: Trace) -> None:
    known.rows = await tables.rows(known.event_id)
    known.letters = await tables.letters(known.event_id)
    known.replays = await tables.replays([letter["letter_id"] for letter in known.letters])


def _stretch(known: Trace, wanted: Wanted, now: int) -> tuple[int, int]:
    """Choose what to read of the topics: from when the event was received."""
    times = [row["received_at"] for row in known.rows]
    times += [letter["failed_at"] for letter in known.letters]
    drawn = drawn_at(wanted.event_id)
    if wanted.since is not None:
        since = wanted.since
    elif times:
        since = min(times) - MARGIN_MS
    elif drawn is not None and drawn <= now + MARGIN_MS:
        since = drawn - MARGIN_MS
    else:
        since = now - wanted.window_ms
    return since, min(now + MARGIN_MS, since + wanted.window_ms + 2 * MARGIN_MS)


def drawn_at(event_id: str) -> int | None:
    """Unix ms in a UUIDv7 (RFC 9562, section 5.7); None for other versions."""
    if event_id[_VERSION_AT] != "7":
        return None
    return int(event_id.replace("-", ""), 16) >> _TIME_BITS


async def _committed(settings: Settings) -> dict[tuple[str, int], int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    try:
        await admin.start()
        groups = (settings.process_group, settings.sink_group)
        found = [await admin.list_consumer_group_offsets(group) for group in groups]
    except (KafkaError, OSError) as error:
        raise unavailable(error) from error
    finally:
        await admin.close()
    return {
        (place.topic, place.partition): at.offset
        for offsets in found
        for place, at in offsets.items()
    }


async def _search(
    search: Search, topics: Topics, wanted: Wanted, known: Trace, progress: Progress
) -> None:
    there = await search.partitions()
    raw = _raw_topics(topics, wanted, known, there)
    only = {row["partition"] for row in known.rows} | {
        letter["partition"] for letter in known.letters
    }
    places = [
        TopicPartition(name, partition)
        for name in (*raw, topics.events.name, topics.dead.name)
        for partition in there.get(name, ())
        if not only or partition in only
    ]
    spans = await search.spans(places, known.since, known.until)
    known.ends = {(place.topic, place.partition): end for place, (_, end) in spans.items()}
    text = b'"event_id":"%b"' % wanted.event_id.encode()
    for found in await search.find(text, spans, progress):
        if _event_id(found.line) != wanted.event_id:
            continue  # a client's own text that looks the same
        if found.topic == topics.events.name:
            known.events.append(found)
        elif found.topic == topics.dead.name:
            known.dead.append(found)
        else:
            known.raw.append(found)


def _raw_topics(
    topics: Topics, wanted: Wanted, known: Trace, there: Mapping[str, Collection[int]]
) -> list[str]:
    sources = {found["source_id"] for found in (*known.rows, *known.letters)}
    if wanted.source_id:
        sources = {wanted.source_id}
    if sources:
        return [topics.raw(source_id).name for source_id in sorted(sources)]
    prefix = topics.raw("").name
    return sorted(name for name in there if name.startswith(prefix))


def _event_id(line: bytes) -> str:
    try:
        value = codec.loads(line)
    except Malformed:
        return ""
    return str(value.get("event_id")) if isinstance(value, dict) else ""


def _unsaved(found: Found, registry: Registry) -> bool:
    try:
        raw, event = decode(found.line, vendor)
    except Malformed:
        return False
    source = registry.get(raw.source_id)
    return not event.saves_event or (source is not None and source.transitional)
