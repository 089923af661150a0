"""What became of the events of records that the ledger cannot vouch for, one by one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from deploy.balance import Fate, Key, Place, Suspect, Why
from processors.steps.decode import decode
from schemas import codec
from schemas.errors import Malformed
from schemas.ledger import UNKNOWN, minute_of, received_minute
from schemas.sources import Registry
from schemas.topics import HEARTBEAT
from schemas.wire import vendor
from sinks.ledger import EventKey, Ledger

SAMPLE: Final = 3


class Line(NamedTuple):
    """One event of a record.

    Attributes:
        key: source and minute of receipt.
        unsaved: it is not to be stored.
        customer: whose it is, as erasures name them.
    """

    place: Place
    key: Key
    event_id: str
    received_at: int
    unsaved: bool = False
    customer: str = ""

    @property
    def event(self) -> EventKey:
        """What the tables know it by."""
        return self.key[0], self.event_id


@dataclass(slots=True)
class Finding:
    """Events that are missing from records of one partition.

    Attributes:
        why: what made the record suspect.
        offsets: of the records.
        events: how many are missing.
        sample: ids of some.
    """

    source_id: str
    minute: int
    why: Why
    topic: str
    partition: int
    offsets: set[int] = field(default_factory=set)
    events: int = 0
    sample: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables and groups say.

    Attributes:
        stored, buried: events with a row, with a dead letter.
        letters: records with dead letters.
        erased: source and customer -> when, Unix ms.
        waiting: partition numbers in which the sink has not done all that was written.
    """

    stored: set[EventKey]
    buried: set[EventKey]
    letters: Collection[Place]
    erased: Mapping[EventKey, int]
    waiting: Collection[int]

    def fate(self, line: Line, *, raw: bool) -> Fate:
        """Say what became of an event."""
        if line.event in self.stored:
            return "stored"
        unread = not line.event_id and line.place in self.letters
        if line.event in self.buried or unread:
            return "dead"
        if line.unsaved:
            return "unsaved"
        if self.erased.get((line.key[0], line.customer), -1) >= line.received_at:
            return "erased"
        return "in_flight" if raw and line.place.partition in self.waiting else "missing"


def raw_lines(place: Place, value: bytes, registry: Registry) -> Iterable[Line]:
    """Understand a raw record as the processors do."""
    for line in codec.split_lines(value):
        try:
            raw, event = decode(line, vendor)
        except Malformed:
            yield Line(place, received_minute(line), _id_of(line), 0)
            continue
        source = registry.get(raw.source_id)
        unsaved = not event.saves_event or (source is not None and source.transitional)
        key = raw.source_id, minute_of(raw.received_at)
        yield Line(place, key, raw.event_id, raw.received_at, unsaved, event.group_id)


def event_lines(place: Place, value: bytes) -> Iterable[Line]:
    """Understand a record of the topic of events."""
    for line in codec.split_lines(value):
        row = _object(line)
        source, event_id, group = (
            _text(row, name) for name in ("source_id", "event_id", "group_id")
        )
        if source == HEARTBEAT:
            continue
        received = _unix_ms(_text(row, "received_at"))
        key = source, minute_of(received) if received else UNKNOWN
        yield Line(place, key, event_id, received, customer=group)


async def known(
    ledger: Ledger, lines: Iterable[Line], letters: Collection[Place], waiting: Collection[int]
) -> Known:
    """Ask for all that is to be known of these events.

    Raises:
        Failed: ClickHouse does not answer.
    """
    wanted = {line.event for line in lines if line.event_id}
    return Known(
        await ledger.stored(wanted),
        await ledger.buried(wanted),
        letters,
        await ledger.erased() if wanted else {},
        waiting,
    )


class Findings:
    """What is missing, by source, minute and partition; each event once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, Why, str, int], Finding] = {}
        self._events: set[EventKey] = set()

    def add(self, line: Line, why: Why) -> bool:
        """Note a missing event; False when it was noted before."""
        if line.event_id and line.event in self._events:
            return False
        self._events.add(line.event)
        self.count(line.key, line.place, why, 1)
        sample = self._at(line.key, line.place, why).sample
        if line.event_id and len(sample) < SAMPLE:
            sample.append(line.event_id)
        return True

    def count(self, key: Key, place: Place, why: Why, events: int) -> None:
        """Note missing events whose ids nobody knows."""
        finding = self._at(key, place, why)
        finding.offsets.add(place.offset)
        finding.events += events

    def all(self) -> list[Finding]:
        """Everything, in the order of minutes, sources and places."""
        return [self._found[key] for key in sorted(self._found, key=lambda k: (k[1], *k))]

    def _at(self, key: Key, place: Place, why: Why) -> Finding:
        where = (*key, why, place.topic, place.partition)
        if where not in self._found:
            self._found[where] = Finding(*where)
        return self._found[where]


def by_place(suspects: Iterable[Suspect]) -> dict[Place, Why]:
    """Each record once, with the first reason given."""
    found: dict[Place, Why] = {}
    for suspect in suspects:
        found.setdefault(suspect.place, suspect.why)
    return found


def grouped(lines: Iterable[Line]) -> dict[Place, list[Line]]:
    """Lines by their record."""
    found: dict[Place, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.place].append(line)
    return found


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = codec.loads(line)
    except Malformed:
        return {}
    return value if isinstance(value, dict) else {}


def _id_of(line: bytes) -> str:
    return _text(_object(line), "event_id")


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _unix_ms(text: str) -> int:
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0
