"""One packed raw record in; canonical lines, dead letters, merges, answers, states out."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from processors.ahead import Ahead, Look, Opened
from processors.bury import BUG, LONGEST_LINE, Record, bury
from processors.feed import SourceFeed
from processors.steps.assemble import line as canonical
from processors.steps.bind import Whose, bind
from processors.steps.identify import Issue, profile_id
from processors.steps.sessionize import Rule, campaign_of
from processors.visits import Visits, key_of
from schemas import answers, merges
from schemas.answers import Told
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import Binding, Event, clamp_time
from schemas.sources import Source

__all__ = ["LONGEST_LINE", "Outcome", "Record", "SourceFeed", "Work"]

_LONGEST_ERROR: Final = 1000
_MOST_ERRORS: Final = 20


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
        invalid: reason -> number of notes about single values.
    """

    lines: list[bytes] = field(default_factory=list)
    unsaved: int = 0
    dead: list[bytes] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    states: list[bytes] = field(default_factory=list)
    merges: dict[bytes, bytes] = field(default_factory=dict)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    newest: int = 0
    invalid: Counter[str] = field(default_factory=Counter)

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
    """

    look: Look
    feed: SourceFeed
    issue: Issue
    is_own: Callable[[str], bool]
    visits: Visits
    clock: Callable[[], int]

    def __call__(self, ahead: Ahead) -> Outcome:
        """Do one record, once what it wishes is decided. Never raises for what is in it."""
        outcome, record = Outcome(), ahead.record
        for opened in ahead.lines:
            line = opened[0] if isinstance(opened, tuple) else opened.line
            try:
                if isinstance(opened, tuple):
                    raise opened[1]  # noqa: TRY301 - one place tells them apart
                self._event(opened, record, outcome)
            except Malformed as error:
                self._bury(outcome, record, line, error.code, error.message)
            except Exception as error:  # noqa: BLE001 - a bug must cost the event its row, not its bytes
                reason = f"{type(error).__name__}: {error}"
                self._bury(outcome, record, line, BUG, reason)
        outcome.states = self.visits.settle()
        return outcome

    def _event(self, known: Opened, record: Record, outcome: Outcome) -> None:
        raw, event, source = known.raw, known.event, known.source
        event_time = clamp_time(event.event_time, raw.received_at)
        if event.binding is None:
            profile, session_id, opened = self._cut(
                raw, event, event_time, source, record.partition
            )
        else:
            whose = self._bind(raw, event.binding, record.partition)
            profile, session_id, opened = whose.profile_id, whose.session_id, whose.opened
            self._merge(whose.merges, raw.received_at, outcome)
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

    def _merge(self, pairs: tuple[tuple[str, str], ...], at: int, outcome: Outcome) -> None:
        for old, into in pairs:
            outcome.merges[merges.key(old, into, at)] = merges.write(old, into, at)

    def _bury(self, outcome: Outcome, record: Record, line: bytes, code: str, reason: str) -> None:
        letter, told = bury(record, line, code, reason, self.clock())
        outcome.dead.append(letter)
        outcome.codes.append(code)
        outcome.tell(told)
