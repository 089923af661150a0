from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import iso
from sinks import rows
from sinks.recent import Recent
from sinks.rows import Row
from tests.sinks.lines import NOVEMBER, event

LATER = iso(NOVEMBER + 1)


def row(number: int) -> Row:
    return Row(b"%d" % number, b"2026-11", 0, 0, b"{}")


def read(number: int, offset: int, **more: str) -> Row:
    return rows.events(event(number, **more), 0, offset)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 40)), st.integers(1, 20))
def test_remembers_at_least_half_and_never_more_than_all(numbers: list[int], limit: int) -> None:
    recent = Recent(limit)
    for number in numbers:
        recent.add([row(number)])
    assert len(recent) <= max(limit, 2)
    last = list(dict.fromkeys(reversed(numbers)))
    fresh = [number for number in last if numbers.count(number) == 1]
    newest = [number for number in fresh if number in last[: max(1, limit // 2)]]
    assert all(b"%d" % number in recent for number in newest)
    assert b"never" not in recent


def test_a_retry_is_left_out_and_counted_by_source() -> None:
    recent = Recent(10)
    first, again = read(1, 1), read(1, 2, received_at=LATER)
    other = read(1, 2, source="other")
    assert recent.unseen([first, again, other]) == ([first, other], Counter(shop=1))
    recent.add([first])
    assert recent.unseen([again, other, again]) == ([other], Counter(shop=2))
    assert recent.unseen([read(1, 9)]) == ([], Counter(shop=1))


def test_what_was_processed_anew_goes_through_once() -> None:
    recent = Recent(10)
    first, anew = read(1, 1), read(1, 2, event_type="refund")
    assert recent.unseen([first, anew]) == ([anew], Counter(shop=1))
    recent.add([first])
    assert recent.unseen([anew]) == ([anew], Counter())
    recent.add([anew])
    assert recent.unseen([anew]) == ([], Counter(shop=1))
    assert recent.unseen([read(1, 2, event_type="refund", received_at=LATER)])[0] == []


def test_what_others_stored_is_known_but_not_its_bytes() -> None:
    recent = Recent(10)
    first = read(1, 1)
    recent.warm([(first.key, first.received)])
    assert recent.unseen([read(1, 2, received_at=LATER)]) == ([], Counter(shop=1))
    assert recent.unseen([first]) == ([first], Counter())
    recent.add([first])
    recent.warm([(first.key, first.received)])
    assert recent.unseen([first]) == ([], Counter(shop=1))
