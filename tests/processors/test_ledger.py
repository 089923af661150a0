import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.ledger import Ledger, Skipped


def test_nothing_delivered_means_nothing_to_commit() -> None:
    ledger = Ledger()
    ledger.acknowledged("p", 3)
    assert ledger.safe("p") is None


def test_the_first_open_offset_is_where_to_read_on() -> None:
    ledger = Ledger()
    for offset in (5, 6, 7):
        ledger.delivered("p", offset)
    assert ledger.safe("p") == 5
    ledger.acknowledged("p", 5)
    assert ledger.safe("p") == 6
    ledger.acknowledged("p", 6)
    ledger.acknowledged("p", 7)
    assert ledger.safe("p") == 8


def test_offsets_that_the_broker_skips_are_not_waited_for() -> None:
    ledger = Ledger()
    ledger.delivered("p", 5)
    ledger.delivered("p", 500)
    ledger.acknowledged("p", 5)
    assert ledger.safe("p") == 500


def test_a_record_overtaken_is_never_passed() -> None:
    ledger = Ledger()
    ledger.delivered("p", 5)
    ledger.delivered("p", 6)
    with pytest.raises(Skipped) as caught:
        ledger.acknowledged("p", 6)
    assert caught.value.code == "records-skipped"
    assert ledger.safe("p") == 5


def test_partitions_do_not_wait_for_each_other() -> None:
    ledger = Ledger()
    ledger.delivered("p", 1)
    ledger.delivered("q", 1)
    ledger.acknowledged("q", 1)
    assert (ledger.safe("p"), ledger.safe("q")) == (1, 2)


def test_after_a_rebalance_the_commit_is_where_it_begins() -> None:
    ledger = Ledger()
    ledger.delivered("p", 9)
    ledger.forget(["p", "q"])
    ledger.acknowledged("p", 9)
    assert ledger.safe("p") is None
    ledger.delivered("p", 4)
    assert ledger.safe("p") == 4


def test_reading_anew_further_back_begins_a_new_account() -> None:
    ledger = Ledger()
    ledger.delivered("p", 50)
    ledger.delivered("p", 40)
    assert ledger.safe("p") == 40
    ledger.acknowledged("p", 50)
    ledger.acknowledged("p", 40)
    assert ledger.safe("p") == 41
    ledger.delivered("p", 50)
    assert ledger.safe("p") == 50


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60))
def test_no_order_of_repeats_passes_an_open_offset(steps: list[tuple[int, bool]]) -> None:
    """The broker delivers in order, sets back now and then; acknowledgements follow."""
    ledger = Ledger()
    position = 0
    waiting: list[int] = []
    settled: set[int] = set()
    delivered: set[int] = set()
    for back, acknowledge in steps:
        if acknowledge and waiting:
            offset = waiting.pop(0)
            ledger.acknowledged("p", offset)
            settled.add(offset)
        else:
            position = max(position - back, 0) if back > 6 else position
            ledger.delivered("p", position)
            delivered.add(position)
            waiting.append(position)
            position += 1
        safe = ledger.safe("p")
        if safe is not None:
            assert all(offset in settled for offset in delivered if offset < safe)
