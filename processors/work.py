"""One packed raw record in, canonical lines, dead letters and changed visitors out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from processors.steps.assemble import line as canonical
from processors.steps.decode import Vendors, decode
from processors.steps.identify import Issue, profile_id
from processors.visits import Visits, key_of
from schemas import codec, dead
from schemas.catalog import Catalog
from schemas.errors import Malformed
from schemas.events import clamp_time
from schemas.merges import Merges
from schemas.sources import Registry, Source
from schemas.topics import MAX_RECORD_BYTES

LONGEST_LINE: Final = MAX_RECORD_BYTES - (64 << 10)
"""What a record can hold of one line: the broker's limit counts the batch around it, too."""
_UNKNOWN: Final = Source("unknown")


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


@dataclass(frozen=True, slots=True)
class Record:
    """A raw record as Kafka had it.

    Attributes:
        source_id: from the topic's name; used where a line does not tell its own.
        value: JSON lines.
    """

    source_id: str
    topic: str
    partition: int
    offset: int
    value: bytes


@dataclass(slots=True)
class Outcome:
    """What became of a record; every line of it is in ``lines`` or in ``dead``.

    Attributes:
        lines: canonical events.
        dead: dead letters, and ``codes`` their reasons, in the same order.
        visitors: keys whose state the changelog must learn of.
        newest: edge clock (Unix ms) of the newest event, 0 when there was none.
    """

    lines: list[bytes] = field(default_factory=list)
    dead: list[bytes] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    visitors: list[bytes] = field(default_factory=list)
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """The steps in their order, and what they need.

    Attributes:
        registry: gives the current registry of sources.
        vendors: finds a vendor module by its protocol's name.
        issue: derives ids, see :meth:`schemas.ids.Ids.issue`.
        visits: the sessions.
        clock: Unix ms, for the dead letters' time of failure only.
    """

    registry: Callable[[], Registry]
    vendors: Vendors
    issue: Issue
    visits: Visits
    clock: Callable[[], int]

    def __call__(self, record: Record) -> Outcome:
        """Do one record. Never raises for what is in it."""
        outcome = Outcome()
        for line in codec.split_lines(record.value):
            try:
                outcome.lines.append(self._line(line, record, outcome))
            except Malformed as error:
                self._bury(outcome, record, line, error.code, error.message)
            except Exception as error:  # noqa: BLE001 - a bug must cost the event its row, not its bytes
                reason = f"{type(error).__name__}: {error}"
                self._bury(outcome, record, line, "process-bug", reason)
        outcome.visitors = self.visits.settle()
        return outcome

    def _line(self, line: bytes, record: Record, outcome: Outcome) -> bytes:
        raw, event = decode(line, self.vendors)
        event_time = clamp_time(event.event_time, raw.received_at)
        session_id = raw.session_id
        if not session_id and event.profiled:
            source = self.registry().get(raw.source_id) or _UNKNOWN
            session = self.visits.place(
                record.partition,
                key_of(raw.source_id, raw.visitor),
                event_time,
                raw.received_at,
                source.session_timeout * 1000,
            )
            session_id = self.issue("session", raw.source_id, raw.visitor, str(session.first))
        profile = profile_id(raw, event, session_id, self.issue)
        text = canonical(raw, event, event_time, session_id, profile)
        if len(text) > LONGEST_LINE:
            raise Malformed("event-too-large", f"the canonical event has {len(text)} bytes")
        outcome.newest = max(outcome.newest, raw.received_at)
        return text

    def _bury(self, outcome: Outcome, record: Record, line: bytes, code: str, reason: str) -> None:
        source_id, event_id = _names(line, record.source_id)
        letter = dead.DeadLetter(
            "process",
            code,
            reason,
            source_id,
            event_id,
            record.topic,
            record.partition,
            record.offset,
            self.clock(),
            line,
        )
        text = dead.write(letter)
        if len(text) > LONGEST_LINE:
            text = dead.write(_pointer(letter))
        outcome.dead.append(text)
        outcome.codes.append(code)


def _names(line: bytes, source_id: str) -> tuple[str, str]:
    """Read source and event id out of whatever it is, for finding the letter again."""
    try:
        value = codec.loads(line)
    except Malformed:
        return source_id, ""
    if not isinstance(value, dict):
        return source_id, ""
    source, event = value.get("source_id"), value.get("event_id")
    return (
        source if isinstance(source, str) and source else source_id,
        event if isinstance(event, str) else "",
    )


def _pointer(letter: dead.DeadLetter) -> dead.DeadLetter:
    """Shorten a letter that no record can hold; its bytes stay where they came from."""
    return dead.DeadLetter(
        letter.stage,
        letter.code,
        f"{letter.reason[:1000]} (too long to copy: {len(letter.original)} bytes, "
        f"read them from {letter.topic} [{letter.partition}] at offset {letter.offset})",
        letter.source_id[:64],
        letter.event_id[:64],
        letter.topic,
        letter.partition,
        letter.offset,
        letter.failed_at,
        b"",
    )
