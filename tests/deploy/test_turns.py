"""Several writers of one compacted topic lose nothing, whatever their interleaving."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.turns import Turns, header_of

KEYS = (b"shop", b"app")
ROOM = 3
"""Names that a value holds; who comes later is refused."""


@dataclass(frozen=True)
class Record:
    offset: int
    key: bytes
    value: frozenset[str]
    header: bytes | None


@dataclass
class Reader:
    """Folds records as a tail does."""

    turns: Turns = field(default_factory=Turns)
    state: dict[bytes, frozenset[str]] = field(default_factory=dict)

    def read(self, log: Iterable[Record]) -> None:
        for record in log:
            if record.offset > self.turns.read_to and self.turns.take(
                record.key, record.offset, record.header
            ):
                self.state[record.key] = record.value


@dataclass
class Writing:
    """A process that adds its name to a key, in steps that others may come between."""

    name: str
    key: bytes
    reader: Reader = field(default_factory=Reader)
    drafted: tuple[frozenset[str], bytes] | None = None
    sent: int | None = None
    refused: bool = False
    done: bool = False

    def step(self, log: list[Record], offsets: Iterable[int]) -> None:
        if self.done:
            return
        if self.drafted is not None:
            value, header = self.drafted
            self.sent, self.drafted = next(iter(offsets)), None
            log.append(Record(self.sent, self.key, value, header))
            return
        self.reader.read(log)
        if self.sent is not None and self.reader.turns.counted(self.sent):
            self.done = True
            return
        present = self.reader.state.get(self.key, frozenset())
        if len(present) >= ROOM and not self.refused:
            self.refused = True
            if self.sent is None:
                self.done = True
                return
        value = present if self.refused else present | {self.name}
        self.drafted = (value, header_of(self.reader.turns.read_to, of_all=False))


@given(
    keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=5),
    schedule=st.lists(st.integers(0, 4), max_size=40),
    left_out=st.sets(st.integers(0, 60)),
)
def test_no_change_is_lost_and_no_refused_one_stays(
    keys: list[bytes], schedule: list[int], left_out: set[int]
) -> None:
    writers = [Writing(f"w{number}", key) for number, key in enumerate(keys)]
    log: list[Record] = []
    offsets = iter(range(1000))
    for number in schedule:
        if number < len(writers):
            writers[number].step(log, offsets)
    for writer in writers:
        while not writer.done:
            writer.step(log, offsets)
    live = Reader()
    live.read(log)
    for key in set(keys):
        added = {writer.name for writer in writers if writer.key == key and not writer.refused}
        assert live.state[key] == added
    last = {record.key: record.offset for record in log}
    compacted = [r for r in log if r.offset == last[r.key] or r.offset not in left_out]
    fresh = Reader()
    fresh.read(compacted)
    assert fresh.state == live.state


def test_a_record_without_a_header_counts() -> None:
    turns = Turns()
    assert turns.take(b"shop", 0, None)
    assert turns.take(b"shop", 1, None)
    assert turns.read_to == 1


@pytest.mark.parametrize("header", [b"", b"soon", b"\xff", b"1.5", b"all"])
def test_a_header_that_says_nothing_is_none(header: bytes) -> None:
    turns = Turns()
    assert turns.take(b"shop", 0, None)
    assert turns.take(b"shop", 1, header)


def test_what_must_be_the_only_one_of_its_kind_depends_on_every_key() -> None:
    turns = Turns()
    assert turns.take(b"shop", 4, header_of(-1, of_all=True))
    assert turns.take(b"app", 5, header_of(3, of_all=False))
    assert not turns.take(b"blog", 6, header_of(4, of_all=True))
    assert turns.take(b"blog", 7, header_of(6, of_all=True))
    assert [turns.counted(offset) for offset in (4, 5, 6, 7)] == [True, True, False, True]
