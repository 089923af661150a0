"""The ledger: what each tier counted of each record, kept by the record's own place.

An entry says of one offset and one minute how many events there were and what became of them. It
is keyed by what it counts, so counting a record again after a crash replaces the entry and never
adds to a total. Minutes are those of ``received_at``, the edge's clock, on which all tiers agree.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID, uuid5

from schemas import codec
from schemas.errors import Malformed
from schemas.events import iso
from schemas.topics import HEARTBEAT, PACK_BYTES

Tier = Literal["edge", "process", "sink"]

MINUTE_MS: Final = 60_000
UNKNOWN: Final = 0
"""The minute of a line that does not say when it was received."""
NOWHERE: Final = -1
"""``into`` of what was written to no other topic."""
FLUSH_SECONDS: Final = 1.0
MOST_ENTRIES: Final = 200_000
"""What a tier keeps while it cannot write: some 60 MB, minutes of a busy edge."""
_NAMES: Final = UUID("5f0e6f6a-6c56-5d5b-9a55-6c6564676572")
ARRAYS: Final = ("offsets", "events", "unsaved", "duplicates", "dead", "made", "into", "until")
"""Columns whose values at one place are about one record."""


class Counts(NamedTuple):
    """What became of the events of one minute in one record; the rest were passed on or stored.

    Attributes:
        events: how many there were.
        unsaved: processed and, by their source's or client's wish, not to be stored.
        duplicates: left out because their event id was stored before.
        dead: dead-lettered.
        made: what became of a webhook's request beyond one event.
    """

    events: int
    unsaved: int = 0
    duplicates: int = 0
    dead: int = 0
    made: int = 0

    @property
    def kept(self) -> int:
        """Passed on or stored."""
        return self.events + self.made - self.unsaved - self.duplicates - self.dead


class Entry(NamedTuple):
    """One tier's word about one record and minute.

    Attributes:
        minute: Unix ms of its start, or :data:`UNKNOWN`.
        into, until: first and last offset of the records that the kept events were written to,
            same partition of the topic of events; both :data:`NOWHERE` when to none.
    """

    tier: Tier
    topic: str
    partition: int
    offset: int
    source_id: str
    minute: int
    counts: Counts
    into: int = NOWHERE
    until: int = NOWHERE


@dataclass(frozen=True, slots=True)
class Written:
    """Lines of one record for the ledger's topic, and how many entries they hold."""

    value: bytes
    entries: int


_Key = tuple[str, int, str, int]
_Values = tuple[int, int, int, int, int, int, int, int]


class Book:
    """Entries of one tier on their way to the ledger's topic, in bounded memory.

    Whoever owns it calls :meth:`take` every :data:`FLUSH_SECONDS`, writes, and calls
    :meth:`confirm`; what was not confirmed is taken again. What does not fit is dropped and
    counted: `headrace audit` then counts those records itself.

    Args:
        tier: whose.
        clock: Unix ms.
        most: entries kept at once.
    """

    def __init__(self, tier: Tier, clock: Callable[[], int], most: int = MOST_ENTRIES) -> None:
        self._tier: Tier = tier
        self._clock = clock
        self._most = most
        self._open: dict[_Key, dict[tuple[int, int], _Values]] = {}
        self._waiting: list[Written] = []
        self._count = 0
        self.dropped = 0

    def __len__(self) -> int:
        return self._count

    def note(
        self,
        place: tuple[str, int, int],
        source_id: str,
        minute: int,
        counts: Counts,
        into: tuple[int, int] = (NOWHERE, NOWHERE),
    ) -> None:
        """Enter what a record (topic, partition, offset) held of a source and minute."""
        topic, partition, offset = place
        if source_id == HEARTBEAT:
            return
        if self._count >= self._most:
            self.dropped += 1
            return
        group = self._open.setdefault((topic, partition, source_id, minute), {})
        key = offset, into[0]
        self._count += key not in group
        group[key] = (offset, *counts, *into)

    def accepted(self, topic: str, partition: int, offset: int, minutes: Mapping[int, int]) -> None:
        """Enter an acknowledged record of a source's raw topic, its lines by minute."""
        source_id = topic.rpartition(".")[2]
        for minute, events in minutes.items():
            self.note((topic, partition, offset), source_id, minute, Counts(events))

    def take(self) -> list[Written]:
        """Records to write, oldest first; the same again until they are confirmed."""
        now = iso(self._clock())
        lines: list[bytes] = []
        size = entries = 0
        for key, group in self._open.items():
            line = self._line(key, list(group.values()), now)
            if lines and size + len(line) > PACK_BYTES:
                self._waiting.append(Written(codec.join_lines(lines), entries))
                lines, size, entries = [], 0, 0
            lines.append(line)
            size += len(line) + 1
            entries += len(group)
        if lines:
            self._waiting.append(Written(codec.join_lines(lines), entries))
        self._open = {}
        return list(self._waiting)

    def confirm(self, written: Written) -> None:
        """Forget what the broker has acknowledged."""
        self._waiting.remove(written)
        self._count -= written.entries

    def _line(self, key: _Key, values: list[_Values], now: str) -> bytes:
        topic, partition, source_id, minute = key
        columns = list(zip(*sorted(values), strict=True))
        body: dict[str, Any] = {
            "tier": self._tier,
            "topic": topic,
            "partition": partition,
            "source_id": source_id,
            "minute": minute // 1000,
            "first_offset": columns[0][0],
            "last_offset": columns[0][-1],
            "written_at": now,
            **dict(zip(ARRAYS, columns, strict=True)),
        }
        return codec.dumps({"ledger_id": str(uuid5(_NAMES, codec.dumps(body).decode())), **body})


def entries(
    tier: Tier, topic: str, partition: int, rows: Iterable[tuple[str, int, Mapping[str, Any]]]
) -> Iterable[Entry]:
    """Unfold rows of the table: source, minute (Unix ms) and the arrays by column name."""
    for source_id, minute, arrays in rows:
        for offset, events, unsaved, duplicates, dead, made, into, until in zip(
            *(arrays[name] for name in ARRAYS), strict=True
        ):
            counts = Counts(events, unsaved, duplicates, dead, made)
            yield Entry(tier, topic, partition, offset, source_id, minute, counts, into, until)


def minute_of(received_at: int) -> int:
    """The start of the minute, Unix ms."""
    return received_at - received_at % MINUTE_MS


def minutes_of(value: bytes) -> dict[int, int]:
    """Count the raw events of a packed record by minute; for records of unknown content."""
    found: dict[int, int] = {}
    for line in codec.split_lines(value):
        minute = received_minute(line)[1]
        found[minute] = found.get(minute, 0) + 1
    return found


def received_minute(line: bytes) -> tuple[str, int]:
    """Read source and minute out of a raw event, however odd; "" and UNKNOWN without."""
    try:
        value = codec.loads(line)
    except Malformed:
        return "", UNKNOWN
    if not isinstance(value, dict):
        return "", UNKNOWN
    source, received = value.get("source_id"), value.get("received_at")
    minute = minute_of(received) if isinstance(received, int) and received > 0 else UNKNOWN
    return source if isinstance(source, str) else "", minute
