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
