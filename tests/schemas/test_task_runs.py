"""Which run is next, and whose result counts."""

import contextlib
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Malformed
from schemas.task_runs import (
    CATCH_UP_MS,
    GRACE_MS,
    MAX_RESULTS,
    STOPPED,
    Due,
    Outcome,
    Result,
    Runs,
    back_off,
    from_record,
    next_run,
)
from schemas.tasks import MISSED, Task

HOUR = 3_600_000
BASE = 1_795_000_000_000 // HOUR * HOUR
TASK = Task("orders", "shop", "function run() {}", every=3600, since=BASE)
FAILED = Result(BASE, BASE, BASE + 5, "failed", code="script-error")


@dataclass(frozen=True)
class Hourly:
    """On the hour, for ever."""

    def first_after(self, moment: int) -> int:
        return (moment // HOUR + 1) * HOUR

    def last_until(self, moment: int) -> int:
        return moment // HOUR * HOUR


@dataclass(frozen=True)
class Never:
    def first_after(self, moment: int) -> int | None:  # noqa: ARG002
        return None

    last_until = first_after


def due(now: int, runs: Runs | None = None, task: Task = TASK) -> Due | None:
    return next_run(task, runs or Runs(), Hourly(), now)


def done(at: int) -> Result:
    return Result(at, at, at + 1, "done", events=2)


@pytest.mark.parametrize(
    ("missed", "now", "expected"),
    [
        ("latest", BASE, Due(BASE, BASE)),
        ("latest", BASE - 1, Due(BASE, BASE)),
        ("latest", BASE + 5 * HOUR + 7, Due(BASE + 5 * HOUR, BASE + 5 * HOUR + 7)),
        ("catch-up", BASE + 5 * HOUR + 7, Due(BASE, BASE + 5 * HOUR + 7)),
        ("skip", BASE + 5 * HOUR + GRACE_MS, Due(BASE + 5 * HOUR, BASE + 5 * HOUR + GRACE_MS)),
        ("skip", BASE + 5 * HOUR + GRACE_MS + 1, Due(BASE + 6 * HOUR, BASE + 6 * HOUR)),
    ],
)
def test_missed_runs_are_as_the_task_says(missed: str, now: int, expected: Due) -> None:
    assert due(now, task=replace(TASK, missed=missed)) == expected  # type: ignore[arg-type]


def test_what_is_done_is_not_due_again() -> None:
    runs = Runs(handled=BASE + HOUR)
    assert due(BASE + HOUR + 1, runs) == Due(BASE + 2 * HOUR, BASE + 2 * HOUR)


def test_runs_are_caught_up_for_a_month_and_no_longer() -> None:
    task = replace(TASK, missed="catch-up")
    now = BASE + 2 * CATCH_UP_MS
    assert due(now, task=task) == Due((now - CATCH_UP_MS) // HOUR * HOUR + HOUR, now)


def test_a_disabled_task_runs_by_hand_only() -> None:
    task = replace(TASK, enabled=False)
    assert due(BASE + 5, task=task) is None
    asked = Runs().asked(BASE + 3, dry=True)
    assert due(BASE + 5, asked, task) == Due(BASE + 3, BASE + 5, by_hand=True, dry=True)
    begun = asked.begun(Due(BASE + 3, BASE + 5, by_hand=True, dry=True), "w", BASE + 6)
    assert begun.asked_at == 0
    again = due(BASE + 9, begun, task)
    assert again == Due(BASE + 3, BASE + 6, by_hand=True, dry=True, again=True)
    # a regular one that was broken off stays where it is until the task is enabled again
    regular = Runs().begun(Due(BASE, BASE), "w", BASE)
    assert due(BASE + 9, regular, task) is None


def test_a_schedule_that_never_comes_is_never_due() -> None:
    assert next_run(TASK, Runs(), Never(), BASE) is None


def test_a_run_that_was_broken_off_is_next_whatever_the_schedule_says() -> None:
    runs = Runs(handled=BASE).begun(Due(BASE + HOUR, BASE + HOUR), "gone", BASE + HOUR)
    runs = runs.saved(runs.epoch, {"cursor": 1})
    found = due(BASE + 9 * HOUR, runs)
    assert found == Due(BASE + HOUR, BASE + HOUR, again=True)
    begun = runs.begun(found, "here", BASE + 9 * HOUR)
    assert (begun.epoch, begun.checkpoint, begun.failures) == (2, 1, 1)
    # one that ends its worker every time rests longer and longer
    assert due(BASE + 9 * HOUR, begun) == replace(found, at=BASE + 9 * HOUR + back_off(1))


@pytest.mark.parametrize("missed", MISSED)
def test_a_failed_run_is_tried_again_after_a_rest(missed: str) -> None:
    task = replace(TASK, missed=missed)  # type: ignore[arg-type]
    runs = Runs().begun(Due(BASE, BASE), "w", BASE)
    runs = runs.ended(1, FAILED, state=None, log=())
    assert (runs.failures, runs.not_before) == (1, FAILED.ended_at + back_off(1))
    assert due(BASE + 6, runs, task) == Due(BASE, runs.not_before)
    later = runs.not_before + 2 * GRACE_MS
    assert due(later, runs, task) == Due(BASE, later)
    well = runs.begun(Due(BASE, later), "w", later).ended(2, done(BASE), state={}, log=())
    assert (well.failures, well.not_before, well.handled) == (0, 0, BASE)


def test_the_rest_grows_up_to_an_hour() -> None:
    assert [back_off(count) // 1000 for count in range(5)] == [0, 10, 20, 40, 80]
    assert back_off(9) == 2_560_000
    assert back_off(10) == back_off(10_000) == HOUR


@pytest.mark.parametrize(
    ("outcome", "dry", "failures"),
    [("failed", False, 2), ("failed", True, 2), ("done", True, 2), ("done", False, 0)],
)
def test_a_run_by_hand_ends_failures_when_it_is_well(
    outcome: Outcome, dry: bool, failures: int
) -> None:
    failing = Runs(failures=2, not_before=BASE + 9, handled=BASE)
    runs = failing.asked(BASE + 1, dry=dry)
    runs = runs.begun(Due(BASE + 1, BASE + 1, by_hand=True, dry=dry), "w", BASE + 2)
    result = Result(BASE + 1, BASE + 2, BASE + 3, outcome, by_hand=True, dry=dry)
    ended = runs.ended(1, result, state=None, log=("x",))
    assert (ended.failures, ended.not_before) == (failures, (BASE + 9) * bool(failures))
    assert (ended.handled, ended.log, ended.results) == (BASE, ("x",), (result,))


def test_state_stays_where_a_run_keeps_none() -> None:
    runs = replace(Runs().begun(Due(BASE, BASE), "w", BASE), state={"a": 1})
    assert runs.ended(1, FAILED, state=None, log=()).state == {"a": 1}
    assert runs.ended(1, done(BASE), state={"a": 2}, log=()).state == {"a": 2}


def test_results_are_the_latest() -> None:
    runs = Runs()
    for number in range(MAX_RESULTS + 5):
        runs = runs.begun(Due(number, number), "w", number)
        runs = runs.ended(runs.epoch, done(number), state={}, log=())
    assert [each.scheduled_at for each in runs.results] == list(range(24, 4, -1))


@given(st.lists(st.sampled_from(("begin", "save", "end")), max_size=12), st.data())
def test_only_who_began_last_is_heard(steps: list[str], data: st.DataObject) -> None:
    """Several workers that each believe to have the task."""
    runs, epochs = Runs(), [0]
    for step in steps:
        if step == "begin":
            runs = runs.begun(Due(BASE, BASE), "w", BASE)
            epochs.append(runs.epoch)
            continue
        epoch = data.draw(st.sampled_from(epochs))
        before = runs
        with contextlib.suppress(Malformed):
            if step == "save":
                runs = runs.saved(epoch, {"by": epoch})
            else:
                runs = runs.ended(epoch, done(BASE), state={"by": epoch}, log=())
        assert (runs != before) == (epoch == before.epoch and bool(before.worker))


def test_who_is_not_heard_is_told() -> None:
    runs = Runs().begun(Due(BASE, BASE), "w", BASE).begun(Due(BASE, BASE), "v", BASE)
    with pytest.raises(Malformed) as caught:
        runs.saved(1, {})
    assert (caught.value.code, caught.value.status) == ("run-taken-over", 409)


@given(
    st.builds(
        Runs,
        epoch=st.integers(0, 9),
        worker=st.sampled_from(["", "w"]),
        state=st.dictionaries(st.just("a"), st.integers(0, 9)),
        log=st.lists(st.just("x")).map(tuple),
        tried=st.lists(st.just({"name": "x"})).map(tuple),
        results=st.lists(st.just(FAILED)).map(tuple),
    )
)
def test_a_record_is_read_as_it_was_written(runs: Runs) -> None:
    assert from_record(runs.as_record()) == runs


def test_a_record_of_a_later_version_is_read() -> None:
    assert from_record(b'{"epoch":1,"colour":"red","results":[]}') == Runs(epoch=1)
    for broken in (b"[]", b'{"results":[{}]}', b"{"):
        with pytest.raises(Malformed):
            from_record(broken)


def test_a_run_that_was_stopped_is_not_tried_again() -> None:
    asked = Runs().asked(BASE, dry=False).stop()
    assert (asked.asked_at, asked.stopping) == (0, False)
    running = Runs().begun(Due(BASE, BASE), "w", BASE)
    stopping = running.stop()
    assert (running.stopping, stopping.stopping) == (False, True)
    again = stopping.begun(Due(BASE, BASE, again=True), "other", BASE + 1)
    assert again.stopping, "whoever takes it over is to end it as well"
    ended = again.ended(again.epoch, replace(FAILED, code=STOPPED), state=None, log=())
    assert (ended.handled, ended.not_before, ended.stopping) == (BASE, 0, False)
    assert due(BASE + 10, ended) == Due(BASE + HOUR, BASE + HOUR)
    later = ended.begun(Due(BASE + HOUR, BASE + HOUR), "w", BASE + HOUR)
    assert not later.stopping
    with pytest.raises(Malformed, match="does not run"):
        ended.stop()


def test_how_far_imports_are_is_written_by_the_run_that_counts() -> None:
    running = Runs().begun(Due(BASE, BASE), "w", BASE)
    files = {"key": {"at": "x.csv"}}
    assert from_record(running.filed(1, files).as_record()).files == files
    with pytest.raises(Malformed, match="another worker"):
        running.filed(0, files)
