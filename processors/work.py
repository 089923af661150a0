"""One packed raw record in; canonical lines, dead letters, merges, answers, states out."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from processors.ahead import Ahead, Look, Opened
from processors.bury import BUG, LONGEST_LINE, Record, bury
from processors.feed import SourceFeed
from processors.known import Known
from processors.steps.assemble import line as canonical
from processors.steps.bind import Whose, bind
from processors.steps.identify import Issue, profile_id
from processors.steps.relate import Relate
from processors.steps.sessionize import Rule, campaign_of
from processors.unfold import Requested
from processors.visits import Visits, key_of
from schemas import answers, merges, profiles
from schemas.answers import Told
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import EARLIEST_MS, RECORDED_MS, Binding, Event, clamp_time
from schemas.ledger import minute_of, received_minute
from schemas.sources import Source

__all__ = ["LONGEST_LINE", "Outcome", "Record", "SourceFeed", "Work"]

_LONGEST_ERROR: Final = 1000
_MOST_ERRORS: Final = 20
_UNSAVED: Final = 1
_DEAD: Final = 2
_MADE: Final = 3


@dataclass(slots=True)
class Outcome:
    """What became of a record; every line of it is in ``lines``, ``dead`` or ``unsaved``.

    Attributes:
        lines: canonical events.
        unsaved: number of events that were processed and are not to be stored.
        dead: dead letters, and ``codes`` their reasons, in the same order.
        states: keys whose state the changelog must learn of.
        merges: key -> value of records for the overrides topic.
        changes: key -> profile and value of records for the profiles topic.
        answers: partition of the answers topic and line, for edges that wait.
        newest: edge clock (Unix ms) of the newest event, 0 when there was none.
        invalid: reason -> number of notes about single values.
        tally: source and minute of receipt -> lines kept, not to be stored, dead, and how many of
            them nobody sent, but a webhook's request became.
    """

    lines: list[bytes] = field(default_factory=list)
    unsaved: int = 0
    dead: list[bytes] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    states: list[bytes] = field(default_factory=list)
    merges: dict[bytes, bytes] = field(default_factory=dict)
    changes: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    newest: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    tally: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def count(self, source_id: str, minute: int, fate: int) -> None:
        """Count a line for the ledger: kept, not to be stored, dead or made, 0 to 3."""
        counts = self.tally.get((source_id, minute))
        if counts is None:
            counts = self.tally[source_id, minute] = [0, 0, 0, 0]
        counts[fate] += 1

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
        look: opens records; it has its part in the work, too.
        feed: gives the current sources, schemas and merges.
        issue: derives ids, see :meth:`schemas.ids.Ids.issue`.
        is_own: tells ids that were issued, see :meth:`schemas.ids.Ids.is_own`.
        visits: sessions, and what they stand for.
        clock: Unix ms, for the times of failures only.
        known: what was written of profiles.
    """

    look: Look
    feed: SourceFeed
    issue: Issue
    is_own: Callable[[str], bool]
    visits: Visits
    clock: Callable[[], int]
    known: Known = field(default_factory=Known)

    def __call__(self, ahead: Ahead) -> Outcome:
        """Do one record, once what it wishes is decided. Never raises for what is in it."""
        outcome, record = Outcome(), ahead.record
        self.known.since(self.feed.merges.forgotten)
        for number, opened in enumerate(ahead.lines, ahead.first):
            line = opened[0] if isinstance(opened, tuple) else opened.line
            try:
                if isinstance(opened, tuple):
                    raise opened[1]  # noqa: TRY301 - one place tells them apart
                self._event(opened, record, number, outcome)
                raw = opened.raw
                outcome.count(raw.source_id, minute_of(raw.received_at), not opened.saved)
            except Malformed as error:
                self._bury(outcome, record, line, error.code, error.message)
            except Exception as error:  # noqa: BLE001 - a bug must cost the event its row, not its bytes
                reason = f"{type(error).__name__}: {error}"
                self._bury(outcome, record, line, BUG, reason)
        for requested in ahead.requests:
            self._requested(requested, outcome)
        outcome.states = self.visits.settle(record.partition)
        return outcome

    def _requested(self, requested: Requested, outcome: Outcome) -> None:
        """Count a webhook's request once, whatever it became, and tell who waits for that."""
        raw, events = requested.raw, requested.events
        minute = minute_of(raw.received_at)
        if not events:
            outcome.unsaved += 1
            outcome.count(raw.source_id, minute, _UNSAVED)
        for _ in range(events - 1):
            outcome.count(raw.source_id, minute, _MADE)
        if raw.ask:
            outcome.tell(Told(raw.ask, raw.event_id, saved=events > 0))

    def _event(self, known: Opened, record: Record, number: int, outcome: Outcome) -> None:
        raw, event, source = known.raw, known.event, known.source
        earliest = RECORDED_MS if event.recorded else EARLIEST_MS
        event_time = clamp_time(event.event_time, raw.received_at, earliest)
        if event.binding is None:
            own, session_id, opened = self._cut(raw, event, event_time, source, record.partition)
        else:
            whose = self._bind(raw, event.binding, record.partition)
            own, session_id, opened = whose.profile_id, whose.session_id, whose.opened
            self._merge(whose.merges, raw.received_at, outcome)
        if (own or event.group_id) and event.saves_profile:
            self._relate(known, own, event_time, record.offset << 16 | number, outcome)
        profile = own if event.binding is not None else self.feed.merges.resolve(own)
        if known.saved:
            event, notes = self.look.conform(known)
            if notes:
                known.columns["invalid_values"] = notes
                outcome.invalid.update(note["reason"] for note in notes)
            text = canonical(
                raw,
                event,
                event_time,
                session_id if event.saves_session else "",
                profile if event.saves_profile else "",
                source.channel,
                known.columns,
            )
            if len(text) > LONGEST_LINE:
                raise Malformed("event-too-large", f"the canonical event has {len(text)} bytes")
            outcome.lines.append(text)
        else:
            outcome.unsaved += 1
        outcome.newest = max(outcome.newest, raw.received_at)
        if raw.ask:
            told = Told(raw.ask, raw.event_id, event.event_type, profile, session_id)
            outcome.tell(replace(told, saved=known.saved, opened=opened, errors=event.errors))

    def _cut(
        self, raw: RawEvent, event: Event, event_time: int, source: Source, partition: int
    ) -> tuple[str, str, bool]:
        """Let the event's own ids say whose it is, and its time which session it is in.

        Returns:
            Profile as derived, session, and whether the session began with the event.
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
        return profile_id(raw, event, session_id, self.issue), session_id, opened

    def _bind(self, raw: RawEvent, binding: Binding, partition: int) -> Whose:
        """Let the session that the client named say whose the event is."""
        session_id = raw.session_id
        if binding.handed_over and not self.is_own(binding.handed_over):
            binding = replace(binding, handed_over="")
        if binding.rule == "existing":
            held = self.visits.seen(partition, raw.source_id, session_id, raw.received_at)
        else:
            held = self.visits.held(partition, raw.source_id, session_id)

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

    def _merge(self, pairs: tuple[tuple[str, str], ...], at: int, outcome: Outcome) -> None:
        for old, into in pairs:
            outcome.merges[merges.key(old, into, at)] = merges.write(old, into, at)

    def _relate(self, known: Opened, own: str, at: int, seq: int, outcome: Outcome) -> None:
        """Say of profiles what is not known yet."""
        raw, event = known.raw, known.event
        seen = hash((raw.source_id, own, event.user_id, event.anonymous_id, event.group_id))
        news = self.known.is_news(seen, at)
        if not (news or event.changes or event.previous_id or event.kind == "group"):
            return
        told = Relate(raw, event, own, at, seq, known.source.merge_by, self.issue).told()
        for change in told.changes:
            if change.event_id == raw.event_id or self.known.is_news(hash(change.event_id), at):
                outcome.changes[change.key] = change.profile_id, profiles.write(change)
        for edge in told.edges:
            if self.feed.merges.is_news(*edge):
                outcome.merges[merges.key(*edge)] = merges.write(*edge)
                # at once, so that the visitor's next event need not wait for it to come back
                self.feed.merges.put(*edge)

    def _bury(self, outcome: Outcome, record: Record, line: bytes, code: str, reason: str) -> None:
        letter, told = bury(record, line, code, reason, self.clock())
        outcome.count(*received_minute(line), _DEAD)
        outcome.dead.append(letter)
        outcome.codes.append(code)
        outcome.tell(told)
