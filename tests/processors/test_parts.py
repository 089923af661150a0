"""Large records in parts: every line once, one entry in the ledger, one acknowledgement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.pack import NOT_WRITTEN
from processors.parts import LINES, Whole, cut
from processors.work import Outcome
from schemas.ledger import UNKNOWN, Counts


@given(st.integers(0, 5 * LINES))
def test_parts_hold_every_line_once_in_order(count: int) -> None:
    lines = [b"%d" % number for number in range(count)]
    parts = list(cut(lines))
    assert [line for _, some in parts for line in some] == lines
    assert [lines[first : first + len(some)] for first, some in parts] == [s for _, s in parts]
    assert all(len(some) <= LINES for _, some in parts)
    whole = Whole(count)
    assert [whole.worked() for _ in parts] == [False] * (len(parts) - 1) + [True]


def _kept(count: int) -> Outcome:
    outcome = Outcome()
    for _ in range(count):
        outcome.count("shop", 60_000, 0)
    return outcome


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_entry_tells_of_all_parts_in_whatever_order_they_are_written(
    order: tuple[int, ...],
) -> None:
    spans = [(7, 7), NOT_WRITTEN, (8, 11)]
    dead = Outcome()
    dead.count("shop", 60_000, 2)
    outcomes = [_kept(64), dead, _kept(3)]
    whole = Whole(2 * LINES + 3)
    assert [whole.written(outcomes[part], spans[part]) for part in order] == [False, False, True]
    assert list(whole.entries()) == [("shop", 60_000, Counts(68, 0, 0, 1, 0), (7, 11))]


def test_what_holds_no_event_is_entered_as_nobodys() -> None:
    whole = Whole(0)
    assert whole.worked()
    assert whole.written(Outcome(), (3, 3))
    assert list(whole.entries()) == [("", UNKNOWN, Counts(0), NOT_WRITTEN)]
