from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.ledger import (
    UNKNOWN,
    Book,
    Counts,
    Entry,
    entries,
    minute_of,
    minutes_of,
    received_minute,
)
from schemas.topics import HEARTBEAT, PACK_BYTES

NOW = 1_795_262_431_500
MINUTE = 1_795_262_400_000


def book(most: int = 1000) -> Book:
    return Book("edge", lambda: NOW, most)


def told(records: list[bytes]) -> Iterator[Entry]:
    """What a reader of the table makes of records."""
    for value in records:
        for line in codec.split_lines(value):
            row = codec.loads(line)
            unfolded = [(row["source_id"], row["minute"] * 1000, row)]
            yield from entries(row["tier"], row["topic"], row["partition"], unfolded)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(1, 9))))
def test_the_last_word_on_a_record_is_what_is_written(
    noted: list[tuple[int, int, int]],
) -> None:
    full = book()
    for partition, offset, events in noted:
        full.accepted("t.raw.shop", partition, offset, {MINUTE: events})
    expected = {(partition, offset): events for partition, offset, events in noted}
    assert len(full) == len(expected)
    found = list(told([written.value for written in full.take()]))
    assert {(each.partition, each.offset): each.counts.events for each in found} == expected
    assert {(each.source_id, each.minute) for each in found} <= {("shop", MINUTE)}


def test_what_is_not_confirmed_is_taken_again() -> None:
    full = book()
    full.accepted("t.raw.shop", 0, 1, {MINUTE: 1})
    (first,) = full.take()
    full.accepted("t.raw.shop", 0, 2, {MINUTE: 1})
    again, second = full.take()
    assert again == first
    full.confirm(first)
    assert (full.take(), len(full)) == ([second], 1)


def test_what_has_no_room_is_dropped_and_counted() -> None:
    full = book(most=2)
    for offset in range(5):
        full.accepted("t.raw.shop", 0, offset, {MINUTE: 1})
    assert (len(full), full.dropped) == (2, 3)
    (written,) = full.take()
    full.confirm(written)
    full.accepted("t.raw.shop", 0, 9, {MINUTE: 1})
    assert (len(full), full.dropped) == (1, 3)


def test_heartbeats_are_nobodys_events() -> None:
    full = book()
    full.accepted(f"t.raw.{HEARTBEAT}", 0, 1, {MINUTE: 1})
    assert full.take() == []


def test_records_stay_within_what_a_record_may_hold() -> None:
    full = book(most=100_000)
    for partition in range(200):
        for offset in range(200):
            full.accepted("t.raw.shop", partition, offset, {MINUTE: 1})
    records = [written.value for written in full.take()]
    assert len(records) > 1
    assert max(map(len, records)) <= PACK_BYTES
    assert len(list(told(records))) == 200 * 200


def test_events_that_are_neither_left_out_nor_dead_are_kept() -> None:
    assert Counts(10, unsaved=1, duplicates=2, dead=3).kept == 4


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"source_id":"shop","received_at":1795262431500}', ("shop", MINUTE)),
        (b'{"source_id":7,"received_at":"now"}', ("", UNKNOWN)),
        (b'{"source_id":"shop","received_at":-1}', ("shop", UNKNOWN)),
        (b"[]", ("", UNKNOWN)),
        (b"{", ("", UNKNOWN)),
    ],
)
def test_odd_lines_have_no_minute(line: bytes, expected: tuple[str, int]) -> None:
    assert received_minute(line) == expected
    assert minutes_of(line + b"\n" + line) == {expected[1]: 2}


def test_a_minute_begins_at_its_first_millisecond() -> None:
    assert [minute_of(MINUTE + more) for more in (0, 59_999, 60_000)] == [
        MINUTE,
        MINUTE,
        MINUTE + 60_000,
    ]
