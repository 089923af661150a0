"""What is let in while processors do not keep up: simulated, second by second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.shed import Look, Pace, Shed
from schemas.errors import Unavailable

BOUND = 5.0
LEAST = 0.01


class Pipeline:
    """One partition, records written as clients offer and the edge lets in, and worked off."""

    def __init__(self, bound: float = BOUND) -> None:
        self.pace = Pace(bound)
        self.at = 0.0
        self.end = 0.0
        self.done = 0.0

    @property
    def backlog(self) -> float:
        return self.end - self.done

    def second(self, offered: float, capacity: float) -> None:
        self.end += offered * self.pace.share
        self.done = min(self.end, self.done + capacity)
        self.at += 1
        self.pace.see(Look(self.at, {0: int(self.end)}, {0: int(self.done)}))

    def run(self, seconds: int, offered: float, capacity: float) -> None:
        for _ in range(seconds):
            self.second(offered, capacity)


def test_what_keeps_up_is_let_in() -> None:
    pipeline = Pipeline()
    pipeline.run(60, offered=100, capacity=101)
    assert pipeline.pace.share == 1


@pytest.mark.parametrize("times", [1.5, 2, 4, 10])
def test_of_too_much_about_as_much_is_let_in_as_is_worked_off(times: float) -> None:
    pipeline = Pipeline()
    pipeline.run(60, offered=100 * times, capacity=100)
    before = pipeline.end
    pipeline.run(60, offered=100 * times, capacity=100)
    assert 0.85 * 6000 < pipeline.end - before < 1.1 * 6000
    assert pipeline.backlog / 100 < BOUND + times


@given(st.floats(1.1, 20), st.integers(20, 5000))
def test_the_wait_is_bounded_and_all_is_let_in_soon_after(times: float, capacity: int) -> None:
    pipeline = Pipeline()
    pipeline.run(120, offered=capacity * times, capacity=capacity)
    assert LEAST <= pipeline.pace.share <= 1
    pipeline.run(30, offered=capacity / 10, capacity=capacity)
    assert pipeline.pace.share == 1
    assert pipeline.backlog < capacity


def test_nobody_is_refused_while_the_processors_stand_still() -> None:
    pipeline = Pipeline()
    pipeline.run(10, offered=100, capacity=200)
    pipeline.run(600, offered=100, capacity=0)
    assert pipeline.pace.share == 1


@pytest.mark.parametrize("stands", [1, 2, 3])
@pytest.mark.parametrize("partly", [1, 30, 99])
def test_nobody_is_refused_for_a_moment_without_a_processor(stands: int, partly: int) -> None:
    """As while one that was killed is replaced: commits lag behind, so it was not through."""
    pace = Pace(BOUND)
    end, done = 140, 100
    for moved in [*[100] * 5, *[0] * stands, partly, *[300] * 5]:
        end += 100
        done = min(done + moved, end - 40)
        pace.see(Look(end / 100, {0: end}, {0: done}))
        assert pace.share == 1


@pytest.mark.parametrize("stands", [8, 20, 600])
@pytest.mark.parametrize("partly", [1, 30, 400])
def test_nobody_is_refused_while_they_catch_up(stands: int, partly: int) -> None:
    """They go on within a second of which a part tells nothing of their rate."""
    pipeline = Pipeline()
    pipeline.run(10, offered=100, capacity=800)
    pipeline.run(stands, offered=100, capacity=0)
    pipeline.second(offered=100, capacity=partly)
    for _ in range(100):
        pipeline.second(offered=100, capacity=800)
        assert pipeline.pace.share == 1


def test_a_few_records_say_nothing() -> None:
    pipeline = Pipeline()
    pipeline.run(100, offered=0.5, capacity=0.4)
    assert pipeline.pace.share == 1


def test_partitions_that_stand_still_do_not_count() -> None:
    pace = Pace(BOUND)
    for second in range(60):
        ends = {"here": 100 * second, "away": 100 * second}
        pace.see(Look(second, ends, {"here": 100 * second, "away": 0}))
    assert pace.share == 1


def test_requests_are_let_in_by_the_share_and_the_others_hear_when_to_come_again() -> None:
    shed, pace = Shed(), Pace(BOUND)
    pace.share, pace.wait = 0.25, 7.4
    shed.set("busy", pace)
    refusals = []
    for _ in range(1000):
        try:
            shed.take("busy")
        except Unavailable as error:
            refusals.append((error.code, error.status, error.retry_after))
    assert 748 <= len(refusals) <= 750
    assert set(refusals) == {("overloaded", 503, 7)}
    for _ in range(100):
        shed.take("calm")
    assert shed.seen == {"busy": 1000, "calm": 100}
    pace.share = 1.0
    shed.set("busy", pace)
    for _ in range(100):
        shed.take("busy")
