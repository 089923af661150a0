import pytest

from sinks.breaker import Breaker
from sinks.verdict import Stopped


def test_a_few_bad_rows_pass() -> None:
    breaker = Breaker(window=100, share=0.05, in_a_row=10)
    for _ in range(50):
        breaker.good(99)
        breaker.bad("c")


def test_too_many_of_the_window_stop() -> None:
    breaker = Breaker(window=100, share=0.05, in_a_row=10)
    for _ in range(5):
        breaker.good(10)
        breaker.bad("c")
    breaker.good(10)
    with pytest.raises(Stopped, match=r"6 of the last 66 rows were refused, 1 in a row, .* as c"):
        breaker.bad("c")


def test_old_bad_rows_are_forgotten() -> None:
    breaker = Breaker(window=100, share=0.05, in_a_row=10)
    for _ in range(3):
        for _ in range(5):
            breaker.bad("c")
        breaker.good(100)


def test_nothing_but_bad_rows_stops_early() -> None:
    breaker = Breaker(window=10_000, share=0.05, in_a_row=3)
    breaker.bad("c")
    breaker.bad("c")
    breaker.good(1)
    breaker.bad("c")
    breaker.bad("c")
    with pytest.raises(Stopped) as caught:
        breaker.bad("c")
    assert caught.value.code == "too-many-dead-letters"
