"""What became of the events of records that the ledger cannot vouch for, one by one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from deploy.sheet import Fate, Key, Place
from processors.steps.decode import decode
from schemas import codec
from schemas.errors import Malformed
from schemas.ledger import UNKNOWN, minute_of, received_minute
from schemas.sources import Registry
from schemas.topics import HEARTBEAT
from schemas.wire import vendor
from sinks.ledger import EventKey, Ledger


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
