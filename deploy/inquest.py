"""What became of the events of records that the ledger cannot vouch for, one by one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from deploy.sheet import Fate, Key, Place
from processors.bury import Record
from processors.steps.decode import decode
from processors.unfold import Unfold
from schemas import codec
from schemas.erasures import NOBODY, Named, Subjects, digest, named_by
from schemas.errors import Malformed
from schemas.events import clamp_time
from schemas.ledger import UNKNOWN, minute_of, received_minute
from schemas.sources import Registry
from schemas.topics import HEARTBEAT
from schemas.wire import vendor
from sinks.ledger import EventKey, Ledger

_TEXTS: Final = ("source_id", "event_id", "group_id", "profile_id", "user_id", "anonymous_id")


class Line(NamedTuple):
    """One event of a record.

    Attributes:
        key: source and minute of receipt.
        unsaved: it is not to be stored.
        customer: whose it is, as erasures of customers name them.
        who: whose it is, as erasures of people do.
        at: time of the event, Unix ms, 0 where that is not known.
        request: id of the webhook's request that it was made of, "" for none.
    """

    place: Place
    key: Key
    event_id: str
    received_at: int
    unsaved: bool = False
    customer: str = ""
    who: Named = Named(0)
    at: int = 0
    request: str = ""

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
        people: who was erased.
        expired: source -> up to which time of the event its events were deleted, Unix ms.
        waiting: partition numbers in which the sink has not done all that was written.
    """

    stored: set[EventKey]
    buried: set[EventKey]
    letters: Collection[Place]
    erased: Mapping[EventKey, int]
    waiting: Collection[int]
    people: Subjects = NOBODY
    expired: Mapping[str, int] = field(default_factory=dict)

    def fate(self, line: Line, *, raw: bool) -> Fate:
        """Say what became of an event."""
        if line.event in self.stored:
            return "stored"
        unread = not line.event_id and line.place in self.letters
        if line.event in self.buried or (line.key[0], line.request) in self.buried or unread:
            return "dead"
        if line.unsaved:
            return "unsaved"
        if self._is_erased(line):
            return "erased"
        oldest = min(filter(None, (line.at, line.received_at, line.key[1])), default=0)
        if oldest and oldest < self.expired.get(line.key[0], 0):
            return "expired"
        return "in_flight" if raw and line.place.partition in self.waiting else "missing"

    def _is_erased(self, line: Line) -> bool:
        source_id = line.key[0]
        if self.erased.get((source_id, line.customer), -1) >= line.received_at:
            return True
        if digest("letter", source_id, line.event_id) in self.people.digests:
            return True
        return self.people.has(source_id, line.who)


def raw_lines(
    place: Place, value: bytes, registry: Registry, unfold: Unfold | None = None
) -> Iterable[Line]:
    """Understand a raw record as the processors do; ``unfold`` runs the scripts of webhooks."""
    source_id = place.topic.rpartition(".")[2]
    lines: Iterable[bytes | tuple[bytes, Exception]] = codec.split_lines(value)
    if unfold is not None and unfold.concerns(source_id):
        found = unfold.unfold(Record(source_id, place.topic, place.partition, place.offset, value))
        lines = found.lines
        for request in (each.raw for each in found.requests if not each.events):
            key = request.source_id, minute_of(request.received_at)
            yield Line(place, key, request.event_id, request.received_at, unsaved=True)
    for line in lines:
        yield _raw_line(place, line, registry)


def _raw_line(place: Place, line: bytes | tuple[bytes, Exception], registry: Registry) -> Line:
    if isinstance(line, tuple):
        return Line(place, received_minute(line[0]), _id_of(line[0]), 0)
    try:
        raw, event = decode(line, vendor)
    except Malformed:
        return Line(place, received_minute(line), _id_of(line), 0)
    source = registry.get(raw.source_id)
    unsaved = not event.saves_event or (source is not None and source.transitional)
    key = raw.source_id, minute_of(raw.received_at)
    at = clamp_time(event.event_time, raw.received_at)
    who, made_of = named_by(raw, event), event.context.get("webhook")
    request = made_of.get("request", "") if isinstance(made_of, dict) else ""
    return Line(
        place, key, raw.event_id, raw.received_at, unsaved, event.group_id, who, at, request
    )


def event_lines(place: Place, value: bytes) -> Iterable[Line]:
    """Understand a record of the topic of events."""
    for line in codec.split_lines(value):
        row = _object(line)
        source, event_id, group, profile, user, visitor = (_text(row, name) for name in _TEXTS)
        if source == HEARTBEAT:
            continue
        received = _unix_ms(_text(row, "received_at"))
        key = source, minute_of(received) if received else UNKNOWN
        at = _unix_ms(_text(row, "event_time"))
        visitors = _some("" if user else visitor)
        who = Named(received, _some(profile), _some(user), visitors)
        yield Line(place, key, event_id, received, customer=group, who=who, at=at)


async def known(
    ledger: Ledger, lines: Iterable[Line], letters: Collection[Place], waiting: Collection[int]
) -> Known:
    """Ask for all that is to be known of these events.

    Raises:
        Failed: ClickHouse does not answer.
    """
    each = tuple(lines)
    wanted = {line.event for line in each if line.event_id}
    requests = {(line.key[0], line.request) for line in each if line.request}
    return Known(
        await ledger.stored(wanted),
        await ledger.buried(wanted | requests),
        letters,
        await ledger.erased() if wanted else {},
        waiting,
        await ledger.people() if wanted else NOBODY,
        await ledger.expired() if wanted else {},
    )


def _some(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


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
