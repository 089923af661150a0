"""What became of events, by source and minute, and what is still to be looked into; pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from schemas.ledger import Entry

Fate = Literal[
    "stored", "duplicates", "dead", "unsaved", "erased", "expired", "in_flight", "missing"
]
FATES: Final[tuple[Fate, ...]] = (
    "stored",
    "duplicates",
    "dead",
    "unsaved",
    "erased",
    "expired",
    "in_flight",
    "missing",
)
Key = tuple[str, int]
"""Source and minute of receipt (Unix ms)."""
Why = Literal[
    "uncounted",
    "skipped",
    "vanished",
    "differs",
    "not-written",
    "rows-missing",
    "letters-missing",
]


class Place(NamedTuple):
    """A record."""

    topic: str
    partition: int
    offset: int


class Suspect(NamedTuple):
    """A record of which the ledger cannot say that all of it came through.

    Attributes:
        why: ``uncounted``: waits for the processors, and the edge's count is missing; ``skipped``:
            committed, and its tier has not counted it; ``vanished``: acknowledged, and Kafka does
            not have it; ``differs``: two tiers counted otherwise;
            ``not-written``: its events are not in the records said to hold them;
            ``rows-missing``, ``letters-missing``: the table has fewer than were stored.
    """

    place: Place
    why: Why


@dataclass(frozen=True, slots=True)
class Log:
    """A partition as Kafka has it, from the first offset asked for.

    Attributes:
        first, end: offsets of the first record and after the last.
        committed: what its group has done.
    """

    topic: str
    partition: int
    first: int
    end: int
    committed: int


@dataclass(slots=True)
class Side:
    """All that was counted of one partition number.

    Attributes:
        raw: the partition of each raw topic.
        edge, process: entries about them.
        events: the partition of the topic of events.
        sink: entries about it.
        rows: offset of it -> event ids in the table.
        letters: place -> dead letters in the table.
    """

    raw: dict[str, Log]
    edge: Iterable[Entry]
    process: Iterable[Entry]
    events: Log
    sink: Iterable[Entry]
    rows: Mapping[int, int]
    letters: Mapping[Place, int]


@dataclass(slots=True)
class Sheet:
    """Counts by source and minute; everything of suspects is left out.

    Attributes:
        fates: of accepted events, without those that the sink has handled.
        handled: accepted events that were written for the sink, which has counted them.
        sunk: what the sink counted, of these and of what came to it twice.
        uncovered: events of records that the edge did not count.
        accepted: what it counted, by record; of suspects only once a partition is done.
    """

    fates: dict[Key, Counter[Fate]] = field(default_factory=lambda: defaultdict(Counter))
    handled: Counter[Key] = field(default_factory=Counter)
    sunk: dict[Key, Counter[Fate]] = field(default_factory=lambda: defaultdict(Counter))
    uncovered: Counter[Key] = field(default_factory=Counter)
    accepted: dict[Place, Counter[Key]] = field(default_factory=lambda: defaultdict(Counter))
    suspects: list[Suspect] = field(default_factory=list)

    def settle(self) -> dict[Key, Counter[Fate]]:
        """Say what became of every accepted event.

        What came to the sink twice counts once: first as fewer duplicates, then, where it
        replaced its own row, as fewer rows.
        """
        found = {key: Counter(fates) for key, fates in self.fates.items()}
        for key, handled in self.handled.items():
            sunk, fates = self.sunk[key], found.setdefault(key, Counter())
            again = sunk.total() - handled
            duplicates = max(0, sunk["duplicates"] - max(0, again))
            dead = min(sunk["dead"], handled - duplicates)
            fates["duplicates"] += duplicates
            fates["dead"] += dead
            fates["stored"] += handled - duplicates - dead - max(0, -again)
            fates["missing"] += max(0, -again)
        return found


def by_place(suspects: Iterable[Suspect]) -> dict[Place, Why]:
    """Each record once, with the first reason given."""
    found: dict[Place, Why] = {}
    for suspect in suspects:
        found.setdefault(suspect.place, suspect.why)
    return found
