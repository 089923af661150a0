from hypothesis import given
from hypothesis import strategies as st

from sinks import rows
from sinks.recent import Recent
from tests.sinks.lines import event


@given(st.lists(st.integers(0, 40)), st.integers(1, 20))
def test_remembers_at_least_half_and_never_more_than_all(numbers: list[int], limit: int) -> None:
    recent = Recent(limit)
    for number in numbers:
        recent.add([b"%d" % number])
    assert len(recent) <= max(limit, 2)
    last = list(dict.fromkeys(reversed(numbers)))
    fresh = [number for number in last if numbers.count(number) == 1]
    newest = [number for number in fresh if number in last[: max(1, limit // 2)]]
    assert all(b"%d" % number in recent for number in newest)
    assert b"never" not in recent


def test_the_first_of_two_stays() -> None:
    recent = Recent(10)
    first, again = rows.events(event(1), 0, 1), rows.events(event(1), 0, 2)
    other = rows.events(event(1, source="other"), 0, 2)
    assert recent.unseen([first, again, other]) == [first, other]
    recent.add([first.key])
    assert recent.unseen([again, other]) == [other]
