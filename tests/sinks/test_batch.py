from hypothesis import given
from hypothesis import strategies as st

from sinks import rows
from sinks.batch import Batch, Buffer, Limits
from sinks.rows import Poison, Row
from tests.sinks.lines import event

LIMITS = Limits(rows=10, size=10_000, age_ms=1_000, hold_rows=30, hold_size=30_000)


def record(first: int, count: int, partition: int = 0, offset: int = 0) -> list[Row]:
    return [rows.events(event(first + i), partition, offset) for i in range(count)]


def test_nothing_is_never_due() -> None:
    buffer = Buffer(LIMITS)
    assert buffer.due(10**15) is None
    assert buffer.wait_ms(0, 200) == 200
    assert buffer.began_at is None


def test_due_by_rows() -> None:
    buffer = Buffer(LIMITS)
    buffer.add(record(0, 9), [], 0, 0, now=0)
    assert buffer.due(0) is None
    buffer.add(record(9, 1), [], 0, 1, now=0)
    assert buffer.due(0) == "rows"


def test_due_by_bytes() -> None:
    buffer = Buffer(LIMITS)
    buffer.add([rows.events(event(1, user_id="x" * 10_000), 0, 0)], [], 0, 0, now=0)
    assert buffer.due(0) == "bytes"


def test_due_by_age_of_the_first_row() -> None:
    buffer = Buffer(LIMITS)
    buffer.add(record(0, 1), [], 0, 0, now=5_000)
    buffer.add(record(1, 1), [], 0, 1, now=5_900)
    assert buffer.wait_ms(5_900, 200) == 100
    assert buffer.due(5_999) is None
    assert buffer.due(6_000) == "age"
    assert buffer.wait_ms(7_000, 200) == 0


def test_poison_and_empty_records_are_due_too() -> None:
    for bad in ([], [Poison("c", "r", 0, 0, b"x")]):
        buffer = Buffer(LIMITS)
        buffer.add([], bad, 0, 41, now=0)
        assert buffer.due(1_000) == "age"
        assert buffer.take().offsets == {0: 42}


def test_full_above_the_bound_and_drained_below_half() -> None:
    buffer = Buffer(LIMITS)
    buffer.add(record(0, 14), [], 0, 0, now=0)
    assert (buffer.full, buffer.drained) == (False, True)
    buffer.add(record(14, 1), [], 0, 1, now=0)
    assert (buffer.full, buffer.drained) == (False, False)
    buffer.add(record(15, 15), [], 0, 2, now=0)
    assert buffer.full
    buffer.take()
    assert (buffer.full, buffer.drained) == (False, True)


Step = tuple[int, int, int, int]
"""Partition, good lines, bad lines, milliseconds since the step before."""


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 2), st.integers(0, 700))
    )
)
def test_batches_lose_nothing_mix_nothing_and_keep_order(steps: list[Step]) -> None:
    buffer, taken, given_in, now = Buffer(LIMITS), list[Batch](), list[bytes](), 0
    offsets = dict.fromkeys(range(3), 0)
    for number, (partition, good, bad, pause) in enumerate(steps):
        now += pause
        if buffer.due(now):
            taken.append(buffer.take())
        offset, offsets[partition] = offsets[partition], offsets[partition] + 1
        found = record(number * 10, good, partition, offset)
        poison = [Poison("c", "r", partition, offset, b"%d" % i) for i in range(bad)]
        buffer.add(found, poison, partition, offset, now)
        given_in += [row.line for row in found] + [item.line for item in poison]
    taken.append(buffer.take())

    out = [row.line for batch in taken for row in batch.rows]
    out += [item.line for batch in taken for item in batch.poison]
    assert sorted(out) == sorted(given_in)
    committed = dict.fromkeys(range(3), 0)
    for batch in taken:
        for row in batch.rows:  # a row is in the batch that commits it, and in no later one
            assert committed[row.partition] <= row.offset < batch.offsets[row.partition]
        committed |= batch.offsets
        assert batch.size >= sum(len(row.line) for row in batch.rows)
    assert {p: o for p, o in committed.items() if o} == {p: o for p, o in offsets.items() if o}
