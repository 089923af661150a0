"""One packed raw record in; canonical lines, dead letters, merges, answers, states out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from processors.bury import BUG, LONGEST_LINE, Record, bury
from processors.steps.assemble import line as canonical
from processors.steps.bind import Whose, bind
from processors.steps.decode import Vendors, decode
from processors.steps.identify import Issue, profile_id
from processors.steps.sessionize import Rule, campaign_of
from processors.visits import Visits, key_of
from schemas import answers, codec, merges
from schemas.answers import Told
from schemas.catalog import Catalog
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import Binding, Event, clamp_time
from schemas.merges import Merges
from schemas.sources import Registry, Source

__all__ = ["LONGEST_LINE", "Outcome", "Record", "SourceFeed", "Work"]

_UNKNOWN: Final = Source("unknown")
_LONGEST_ERROR: Final = 1000
_MOST_ERRORS: Final = 20


class SourceFeed(Protocol):
    """The registry of event sources as it changes; deploy gives the tail of its topic."""

    @property
    def registry(self) -> Registry:
        """All sources known now."""

    @property
    def catalog(self) -> Catalog:
        """All schemas known now."""

    @property
    def merges(self) -> Merges:
        """All merged profiles known now."""

    @property
    def version(self) -> int:
        """Grows with every change of a source."""

    async def changed(self, seen: int) -> int:
        """Wait until the version is not ``seen`` any more; returns the new one."""


@dataclass(slots=True)
class Outcome:
    """What became of a record; every line of it is in ``lines``, ``dead`` or ``unsaved``.

    Attributes:
        lines: canonical events.
        unsaved: number of events that were processed and are not to be stored.
        dead: dead letters, and ``codes`` their reasons, in the same order.
        states: keys whose state the changelog must learn of.
        merges: key -> value of records for the overrides topic.
        answers: partition of the answers topic and line, for edges that wait.
        newest: edge clock (Unix ms) of the newest event, 0 when there was none.
    """

    lines: list[bytes] = field(default_factory=list)
    unsaved: int = 0
    dead: list[bytes] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    states: list[bytes] = field(default_factory=list)
    merges: dict[bytes, bytes] = field(default_factory=dict)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    newest: int = 0

    def tell(self, told: Told) -> None:
        """Answer an edge, if one asked and says where it waits."""
        partition = answers.partition_of(told.ask)
        if partition >= 0:
            errors = tuple(error[:_LONGEST_ERROR] for error in told.errors[:_MOST_ERRORS])
            self.answers.append((partition, answers.write(replace(told, errors=errors))))


@dataclass(frozen=True, slots=True)
class Work:
    """The steps in their order, and what they need.

    Attributes:
        feed: gives the current sources, schemas and merges.
        vendors: finds a vendor module by its protocol's name.
        issue: derives ids, see :meth:`schemas.ids.Ids.issue`.
        is_own: tells ids that were issued, see :meth:`schemas.ids.Ids.is_own`.
        visits: sessions, and what they stand for.
        clock: Unix ms, for the times of failures and merges only.
    """

    feed: SourceFeed
    vendors: Vendors
    issue: Issue
    is_own: Callable[[str], bool]
    visits: Visits
    clock: Callable[[], int]

    def __call__(self, record: Record) -> Outcome:
        """Do one record. Never raises for what is in it."""
        outcome = Outcome()
        for line in codec.split_lines(record.value):
            try:
                self._event(line, record, outcome)
            except Malformed as error:
                self._bury(outcome, record, line, error.code, error.message)
            except Exception as error:  # noqa: BLE001 - a bug must cost the event its row, not its bytes
                reason = f"{type(error).__name__}: {error}"
                self._bury(outcome, record, line, BUG, reason)
        outcome.states = self.visits.settle()
        return outcome

    def _event(self, line: bytes, record: Record, outcome: Outcome) -> None:
        raw, event = decode(line, self.vendors)
        source = self.feed.registry.get(raw.source_id) or _UNKNOWN
        if not source.dynamic_schema and not raw.extends:
            self.feed.catalog.admit(raw.source_id, event)
        event_time = clamp_time(event.event_time, raw.received_at)
        if event.binding is None:
            profile, session_id, opened = self._cut(
                raw, event, event_time, source, record.partition
            )
        else:
            whose = self._bind(raw, event.binding, record.partition)
            profile, session_id, opened = whose.profile_id, whose.session_id, whose.opened
            self._merge(whose.merges, outcome)
        saved = event.saves_event and not source.transitional
        if saved:
            text = canonical(
                raw,
                event,
                event_time,
                session_id if event.saves_session else "",
                profile if event.saves_profile else "",
                source.channel,
            )
            if len(text) > LONGEST_LINE:
                raise Malformed("event-too-large", f"the canonical event has {len(text)} bytes")
            outcome.lines.append(text)
        else:
            outcome.unsaved += 1
        outcome.newest = max(outcome.newest, raw.received_at)
        if raw.ask:
            told = Told(raw.ask, raw.event_id, event.event_type, profile, session_id)
            outcome.tell(replace(told, saved=saved, opened=opened, errors=event.errors))

    def _cut(
        self, raw: RawEvent, event: Event, event_time: int, source: Source, partition: int
    ) -> tuple[str, str, bool]:
        """Let the event's own ids say whose it is, and its time which session it is in.

        Returns:
            Profile, session, and whether the session began with the event.
        """
        session_id, opened = raw.session_id, False
        if not session_id and event.profiled:
            timeout = source.session_timeout * 1000
            longest = max(timeout, source.session_max * 1000)
            session = self.visits.place(
                partition,
                key_of(raw.source_id, raw.visitor),
                event_time,
                raw.received_at,
                Rule(timeout, longest),
                campaign_of(event.details) if source.session_on_campaign else "",
            )
            session_id = self.issue("session", raw.source_id, raw.visitor, str(session.first))
            opened = session.first == event_time
        profile = profile_id(raw, event, session_id, self.issue)
        return self.feed.merges.resolve(profile), session_id, opened

    def _bind(self, raw: RawEvent, binding: Binding, partition: int) -> Whose:
        """Let the session that the client named say whose the event is."""
        session_id = raw.session_id
        if binding.handed_over and not self.is_own(binding.handed_over):
            binding = replace(binding, handed_over="")
        if binding.rule == "existing":
            held = self.visits.seen(raw.source_id, session_id, raw.received_at)
        else:
            held = self.visits.held(raw.source_id, session_id)

        def derive() -> str:
            if session_id:
                return self.issue("profile", raw.source_id, "session", session_id)
            return self.issue("profile", raw.source_id, "event", raw.event_id)

        whose = bind(
            binding,
            session_id,
            held,
            given=raw.profile_id,
            derive=derive,
            resolve=self.feed.merges.resolve,
        )
        if session_id and whose.held is not None and binding.rule != "existing":
            self.visits.hold(partition, raw.source_id, session_id, whose.held, raw.received_at)
        return whose

    def _merge(self, pairs: tuple[tuple[str, str], ...], outcome: Outcome) -> None:
        for old, into in pairs:
            outcome.merges[merges.key(old, into)] = merges.write(old, into, self.clock())

    def _bury(self, outcome: Outcome, record: Record, line: bytes, code: str, reason: str) -> None:
        letter, told = bury(record, line, code, reason, self.clock())
        outcome.dead.append(letter)
        outcome.codes.append(code)
        outcome.tell(told)
