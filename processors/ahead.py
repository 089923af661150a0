"""A look at a packed record before the work on it: what its events bring that is to be decided."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from processors.bury import Record
from processors.feed import SourceFeed
from processors.steps.coerce import UNDECIDED, Note, Plan, Shape, Shapes, conform, wished
from processors.steps.decode import Vendors, decode
from processors.steps.enrich import Locate, enriched
from processors.steps.unwieldy import as_text, may_be_unwieldy, unwieldy
from processors.steps.validate import Checks, validated
from processors.unfold import Requested, Unfolded
from schemas import codec, heartbeat
from schemas.catalog import has_collection
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.growing import Wish, no_room
from schemas.sources import Source

UNKNOWN: Final = Source("unknown")
NO_PLAN: Final = Plan(fresh=True, odd=())
NO_NOTES: Final[Sequence[Note]] = ()
_FROZEN: Final = "schema-frozen"


class Decide(Protocol):
    """Has the types of new properties decided, once for all workers."""

    async def __call__(self, wishes: Collection[Wish]) -> None:
        """Return when the feed's catalog has what can be had of the wishes, in bounded time.

        Never raises: what is not decided then has no type.
        """


@dataclass(slots=True)
class Opened:
    """A line that was understood.

    Attributes:
        source: as it was known then.
        saved: whether the event is to be stored.
        columns: what was derived of it, without anything when it is not stored.
        shape: its collection as it was known then, None when it has none.
        plan: what to do with it, as long as that is its collection's shape.
        unwieldy, context: properties, and members of the context, that no column takes; and why;
            None when there are none.
    """

    line: bytes
    raw: RawEvent
    event: Event
    source: Source
    saved: bool
    columns: dict[str, Any]
    shape: Shape | None = None
    plan: Plan = NO_PLAN
    unwieldy: Mapping[str, str] | None = None
    context: Mapping[str, str] | None = None

    @property
    def is_frozen(self) -> bool:
        """Whether nothing may be added to the schema."""
        return not self.source.dynamic_schema and not self.raw.extends


@dataclass(frozen=True, slots=True)
class Ahead:
    """A record whose lines were looked at, or a part of one.

    Attributes:
        first: number of its first line in the record.
        lines: each understood, or with the reason why it cannot be.
        wishes: what its collections get by it.
        requests: those of webhooks, in whose place the events stand that were made of them.
    """

    record: Record
    lines: list[Opened | tuple[bytes, Exception]] = field(default_factory=list)
    wishes: dict[tuple[str, str], Wish] = field(default_factory=dict)
    requests: Sequence[Requested] = ()
    first: int = 0


class Look:
    """Opens records; the parameters are those of :class:`processors.work.Work`."""

    def __init__(self, feed: SourceFeed, vendors: Vendors, locate: Locate) -> None:
        self._feed = feed
        self._vendors = vendors
        self._locate = locate
        self._shapes = Shapes()
        self._checks = Checks()

    def __call__(self, record: Record) -> Ahead:
        """Look at a record. Never raises for what is in it."""
        return self.part(record, codec.split_lines(record.value))

    def part(self, record: Record, lines: Sequence[bytes], first: int = 0) -> Ahead:
        """Look at some lines of a record, of which ``first`` come before."""
        ahead = Ahead(record, first=first)
        for line in lines:
            self._line(line, ahead)
        return ahead

    def unfolded(self, record: Record, found: Unfolded) -> Ahead:
        """Look at a record some of whose lines are requests of webhooks."""
        ahead = Ahead(record, requests=found.requests)
        for line in found.lines:
            if isinstance(line, tuple):
                ahead.lines.append(line)
            else:
                self._line(line, ahead)
        return ahead

    def _line(self, line: bytes, ahead: Ahead) -> None:
        try:
            ahead.lines.append(self._open(line, ahead.wishes))
        except Exception as error:  # noqa: BLE001 - told apart when the line's turn comes
            ahead.lines.append((line, error))

    def _open(self, line: bytes, wishes: dict[tuple[str, str], Wish]) -> Opened:
        raw, event = decode(line, self._vendors)
        if event is heartbeat.EVENT:
            return Opened(line, raw, event, UNKNOWN, saved=True, columns={})
        known = self._feed.catalog.get(raw.source_id, event.event_type)
        if checks := self._checks.find(known):
            event = validated(event, checks, len(line))
        source = self._feed.registry.get(raw.source_id) or UNKNOWN
        opened = Opened(line, raw, event, source, event.saves_event, {})
        if opened.is_frozen:
            self._feed.catalog.admit(raw.source_id, event)
        if source.transitional:
            opened.saved = False
        if opened.saved:
            opened.event, opened.columns = enriched(raw, event, self._locate, source.ip)
            if may_be_unwieldy(line):
                opened.unwieldy = unwieldy(event.properties)
                opened.context = unwieldy(event.context)
            if has_collection(event):
                self._wish(opened, wishes)
        return opened

    def _wish(self, opened: Opened, wishes: dict[tuple[str, str], Wish]) -> None:
        raw, event, catalog = opened.raw, opened.event, self._feed.catalog
        shape = self._shapes.find(catalog, raw.source_id, event.event_type, raw.received_at)
        opened.shape, opened.plan = shape, shape.plan(event.properties)
        if opened.plan.fresh:
            return
        found = wished(
            shape,
            event.properties,
            catalog,
            flat=event.flat,
            frozen=opened.is_frozen,
            unwieldy=opened.unwieldy or (),
        )
        if found:
            key = raw.source_id, event.event_type
            wish = wishes.get(key)
            if wish is None:
                wish = wishes[key] = Wish(*key)
            wish.properties |= found | wish.properties
            wish.seen_at = max(wish.seen_at, raw.received_at)

    def conform(self, opened: Opened) -> tuple[Event, Sequence[Note]]:
        """Give the event with its properties as its collection has them, and what did not fit."""
        event, notes = opened.event, NO_NOTES
        if opened.shape is not None:
            event, notes = self._conform(opened, opened.shape)
        elif opened.unwieldy:
            properties, notes = as_text("properties", event.properties, opened.unwieldy)
            event = replace(event, properties=properties)
        if opened.context:
            context, more = as_text("context", event.context, opened.context)
            return replace(event, context=context), [*notes, *more]
        return event, notes

    def _conform(self, opened: Opened, known: Shape) -> tuple[Event, Sequence[Note]]:
        raw, event, catalog = opened.raw, opened.event, self._feed.catalog
        name, plan, apart = event.event_type, opened.plan, opened.unwieldy or {}
        shape = self._shapes.find(catalog, raw.source_id, name, raw.received_at)
        if shape is not known:
            plan = shape.plan(event.properties)
        odd = shape.unfit(plan, event.properties)
        if apart:
            odd = list({**dict.fromkeys(odd), **apart})
        if not odd:
            return event, NO_NOTES
        otherwise = _FROZEN if opened.is_frozen else UNDECIDED

        def reason(given: str) -> str:
            return apart.get(given) or no_room(catalog, raw.source_id, name, given) or otherwise

        # Rakam drops what does not fit; elsewhere properties may have any shape, and stay
        keeps = not event.flat
        properties, notes = conform(
            shape, event.properties, odd, reason, keeps=keeps, unwieldy=apart
        )
        return replace(event, properties=properties), notes
