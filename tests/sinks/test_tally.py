from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import iso
from schemas.ledger import UNKNOWN, Book, Counts
from sinks import rows
from sinks.batch import Buffer, Limits
from sinks.rows import Poison, poisoned
from sinks.tally import Counted, tally, telling
from tests.sinks.lines import NOVEMBER, event

MINUTE = NOVEMBER - NOVEMBER % 60_000


def test_every_row_is_counted_in_its_record_and_minute() -> None:
    buffer = Buffer(Limits())
    first = [rows.events(event(number), 3, 7) for number in range(3)]
    again = rows.events(event(0), 3, 8)
    unreadable = Poison("line-invalid", "no object", 3, 8, b"[]")
    buffer.add(first, [], 3, 7, 0)
    buffer.add([again], [unreadable], 3, 8, 0)
    buffer.add([], [], 3, 9, 0)
    spoiled = poisoned(first[1], "refused", "ClickHouse will not have it")
    found = list(tally(buffer.take(), first, [unreadable, spoiled]))
    assert found == [
        Counted(3, 7, "shop", MINUTE, Counts(3, dead=1)),
        Counted(3, 8, "shop", MINUTE, Counts(1, duplicates=1)),
        Counted(3, 8, "", UNKNOWN, Counts(1, dead=1)),
        Counted(3, 9, "", UNKNOWN, Counts(0)),
    ]


def test_a_batch_is_entered_into_the_book_if_there_is_one() -> None:
    buffer = Buffer(Limits())
    row = rows.events(event(1), 0, 4)
    buffer.add([row], [], 0, 4, 0)
    batch, book = buffer.take(), Book("sink", lambda: NOVEMBER)
    telling(None, "events")(batch, [row], [])
    telling(book, "events")(batch, [row], [])
    assert len(book) == 1


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(0, 2), st.sampled_from(("shop", "op")), st.booleans()
        )
    )
)
def test_neighbours_that_are_alike_are_told_from_those_that_are_not(
    places: list[tuple[int, int, str, bool]],
) -> None:
    buffer = Buffer(Limits())
    expected: Counter[tuple[int, int, str, int]] = Counter()
    for number, (partition, offset, source, later) in enumerate(places):
        received = NOVEMBER + 60_000 * later
        line = event(number, source=source, received_at=iso(received))
        buffer.add([rows.events(line, partition, offset)], [], partition, offset, 0)
        expected[partition, offset, source, received - received % 60_000] += 1
    batch = buffer.take()
    assert expected == {each[:4]: each.counts.events for each in tally(batch, batch.rows, [])}
