"""What is written together: output of many records, in the stages in which it must be safe."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from schemas.ledger import NOWHERE
from schemas.topics import PACK_BYTES

_KEY_WEIGHT: Final = 256

Span = tuple[int, int]
"""First and last offset, both :data:`schemas.ledger.NOWHERE` for none."""
NOT_WRITTEN: Final[Span] = (NOWHERE, NOWHERE)
Note = Callable[[Span], None]
"""Told which records of the topic of events hold the lines."""
Items = list[tuple[bytes | None, bytes | None]]
"""Key and value of Kafka records; a value of None is a tombstone."""


class States(Protocol):
    """The part of :class:`processors.shelves.Shelf` that writing the changelog needs."""

    def items(self, keys: Iterable[bytes], /) -> Items:
        """Tell what the changelog must learn of these keys, now."""

    def landed(self, items: Items, offset: int, /) -> None:
        """Learn that the changelog has it, up to this offset."""


@dataclass(frozen=True, slots=True)
class Names:
    """The topics that are written to."""

    events: str
    dead: str
    changelog: str
    overrides: str
    profiles: str
    answers: str


@dataclass(frozen=True, slots=True)
class Part:
    """Records for one partition of a topic.

    Attributes:
        items: makes them when their turn comes.
        count: how many they are.
        landed: told which records the broker has, and the offset of the last of them.
    """

    topic: str
    partition: int
    items: Callable[[], Items]
    count: int
    landed: Callable[[Items, int], None] | None = None


@dataclass(slots=True)
class Pack:
    """Output of records of one partition, and whom to tell when it is safe.

    Attributes:
        states: of the partition; read when their turn to be written comes, so that a repeated
            write never brings back an older one.
        notes: told of the records, once they are written.
        into: first and last offset that the lines got in the topic of events.
    """

    states: States
    lines: list[bytes] = field(default_factory=list)
    dead: list[bytes] = field(default_factory=list)
    keys: dict[bytes, None] = field(default_factory=dict)
    merges: dict[bytes, bytes] = field(default_factory=dict)
    changes: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    into: Span = NOT_WRITTEN
    done: list[Callable[[], None]] = field(default_factory=list)
    weight: int = 0
    delivered: bool = False

    def add(
        self,
        lines: Collection[bytes],
        dead: Collection[bytes],
        keys: Collection[bytes],
        merges: Mapping[bytes, bytes],
        changes: Mapping[bytes, tuple[int, bytes]],
        answers: Collection[tuple[int, bytes]],
    ) -> int:
        """Take the output of one record; returns what it weighs, about its bytes."""
        self.lines += lines
        self.dead += dead
        self.keys.update(dict.fromkeys(keys))
        weight = sum(map(len, lines)) + sum(map(len, dead)) + _KEY_WEIGHT * len(keys)
        if merges:
            self.merges.update(merges)
            weight += _KEY_WEIGHT * len(merges)
        if changes:
            self.changes.update(changes)
            weight += sum(_KEY_WEIGHT + len(value) for _, value in changes.values())
        if answers:
            self.answers += answers
            weight += sum(len(line) for _, line in answers)
        self.weight += weight
        return weight

    def stages(self, partition: int, names: Names) -> Iterable[list[Part]]:
        """Yield what may be written at once; an answer is only given about what is safe.

        Args:
            partition: of the input, and so of events, dead letters and states.
        """
        keys, states = list(self.keys), self.states
        parts = [
            Part(names.changelog, partition, lambda: states.items(keys), len(keys), states.landed)
        ]
        if self.merges:
            parts.append(_keyed(names.overrides, 0, list(self.merges.items())))
        if self.changes:
            changed: dict[int, Items] = defaultdict(list)
            for key, (place, value) in self.changes.items():
                changed[place].append((key, value))
            parts += [_keyed(names.profiles, place, items) for place, items in changed.items()]
        parts += [
            _values(names.dead, partition, self.dead),
            _values(names.events, partition, self.lines, self._landed),
        ]
        self.dead, self.lines = [], []
        yield [part for part in parts if part.count]
        if self.answers:
            told: dict[int, list[bytes]] = defaultdict(list)
            for place, line in self.answers:
                told[place].append(line)
            yield [_values(names.answers, place, lines) for place, lines in told.items()]

    def _landed(self, items: Items, offset: int) -> None:
        self.into = (offset + 1 - len(items), offset)


def _keyed(topic: str, partition: int, items: Items) -> Part:
    return Part(topic, partition, lambda: items, len(items))


def _values(
    topic: str,
    partition: int,
    lines: list[bytes],
    landed: Callable[[Items, int], None] | None = None,
) -> Part:
    items: Items = [(None, value) for value in chunks(lines)]
    return Part(topic, partition, lambda: items, len(items), landed)


def chunks(lines: list[bytes], limit: int = PACK_BYTES) -> list[bytes]:
    """Join lines into record values of at most ``limit`` bytes; a longer line goes alone."""
    values: list[bytes] = []
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if chunk and size + len(line) >= limit:
            values.append(b"\n".join(chunk))
            chunk, size = [], 0
        chunk.append(line)
        size += len(line) + 1
    if chunk:
        values.append(b"\n".join(chunk))
    return values
