"""Schedules: case tables, the hours that clocks leave out and have twice, and laws."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.tasks.times import Cron, Every, checked, times_of
from schemas.errors import Malformed
from schemas.task_runs import Due, Runs, next_run
from schemas.tasks import Task

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
TASK = Task("orders", "shop", "x", cron="* * * * *")
MINUTE = 60_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def text(moment: int | None) -> str:
    return "" if moment is None else f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%dT%H:%M}"


def following(cron: str, zone: str, begin: str, count: int) -> list[str]:
    times = times_of(replace(TASK, cron=cron, timezone=zone))
    moment, found = ms(begin), []
    for _ in range(count):
        after = times.first_after(moment)
        assert after is not None
        found.append(text(after))
        moment = after
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "begin", "expected"),
    [
        ("*/15 * * * *", "UTC", "2026-11-21T10:07", ["2026-11-21T10:15", "2026-11-21T10:30"]),
        ("*/15 * * * *", "UTC", "2026-11-21T10:15", ["2026-11-21T10:30"]),
        ("0 3 * * *", "UTC", "2026-11-21T10:00", ["2026-11-22T03:00", "2026-11-23T03:00"]),
        ("@daily", "UTC", "2026-11-21T10:00", ["2026-11-22T00:00"]),
        ("@weekly", "UTC", "2026-11-21T10:00", ["2026-11-22T00:00"]),
        ("0 9 * * mon-fri", "UTC", "2026-11-20T09:00", ["2026-11-23T09:00"]),
        ("0 0 29 2 *", "UTC", "2026-11-21T10:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 31 * *", "UTC", "2026-11-21T10:00", ["2026-12-31T00:00", "2027-01-31T00:00"]),
        ("0 0 L * *", "UTC", "2027-02-01T10:00", ["2027-02-28T00:00"]),
        ("0 0 * * 5#1", "UTC", "2026-11-21T10:00", ["2026-12-04T00:00"]),
        # day of month or day of week, as Debian's cron has it
        ("0 0 1 * 1", "UTC", "2026-11-24T10:00", ["2026-11-30T00:00", "2026-12-01T00:00"]),
        ("0 9 * * *", BERLIN, "2026-11-21T10:00", ["2026-11-22T08:00"]),
        ("0 9 * * *", BERLIN, "2026-07-21T10:00", ["2026-07-22T07:00"]),
        # 2026-03-29: 02:00 becomes 03:00, so 02:30 comes right after
        (
            "30 2 * * *",
            BERLIN,
            "2026-03-28T02:00",
            ["2026-03-29T01:00", "2026-03-30T00:30"],
        ),
        # 2026-10-25: 03:00 becomes 02:00, and 02:30 comes once
        (
            "30 2 * * *",
            BERLIN,
            "2026-10-24T02:00",
            ["2026-10-25T00:30", "2026-10-26T01:30"],
        ),
        # what runs every hour runs on through both
        (
            "30 * * * *",
            BERLIN,
            "2026-10-24T23:00",
            ["2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"],
        ),
        (
            "30 * * * *",
            NEW_YORK,
            "2026-03-08T05:00",
            ["2026-03-08T05:30", "2026-03-08T06:30", "2026-03-08T07:30"],
        ),
    ],
)
def test_cron(cron: str, zone: str, begin: str, expected: list[str]) -> None:
    assert following(cron, zone, begin, len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "field"),
    [
        ("* * * *", "cron"),
        ("* * * * * *", "cron"),
        ("60 * * * *", "cron"),
        ("* 24 * * *", "cron"),
        ("0 0 30 2 *", "cron"),
        ("0 0 * * 8", "cron"),
        ("*/0 * * * *", "cron"),
        ("5-1 * * * *", "cron"),
        ("a * * * *", "cron"),
        ("@reboot", "cron"),
        ("L * * * *", "cron"),
    ],
)
def test_what_is_no_cron_expression_is_told(cron: str, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        checked(replace(TASK, cron=cron), 0)
    assert (caught.value.code, caught.value.where) == ("task-invalid", (field,))


@pytest.mark.parametrize("zone", ["Mars/Phobos", "../../etc/passwd", "", "/etc/localtime"])
def test_what_is_no_time_zone_is_told(zone: str) -> None:
    with pytest.raises(Malformed) as caught:
        checked(replace(TASK, timezone=zone), 0)
    assert caught.value.where == ("timezone",)


def test_once_is_once() -> None:
    once = times_of(replace(TASK, cron="", since=5_000))
    assert [once.first_after(moment) for moment in (0, 4_999, 5_000)] == [5_000, 5_000, None]
    assert [once.last_until(moment) for moment in (4_999, 5_000, 9_000)] == [None, 5_000, 5_000]
    task = checked(replace(TASK, cron="", since=5_000), 9_000)
    due = next_run(task, Runs(), once, 99_000)
    assert (task.once, due) == (True, Due(5_000, 99_000))
    assert next_run(task, Runs(handled=5_000), once, 99_000) is None
    failed = Runs(scheduled_at=5_000, failures=1, not_before=90_000)
    assert next_run(task, failed, once, 80_000) == Due(5_000, 90_000)


def test_an_interval_counts_from_its_beginning() -> None:
    every = Every(10_000, 5_000)
    assert [every.first_after(moment) for moment in (0, 4_999, 5_000, 14_999, 15_000)] == [
        *(5_000, 5_000, 15_000),
        *(15_000, 25_000),
    ]
    assert [every.last_until(moment) for moment in (4_999, 5_000, 14_999, 15_000)] == [
        None,
        *(5_000, 5_000, 15_000),
    ]
    assert isinstance(times_of(replace(TASK, every=60, cron="")), Every)


def test_no_time_counts_before_the_schedule_does() -> None:
    cron = Cron("0 3 * * *", UTC, ms("2026-11-21T10:00"))
    assert text(cron.first_after(0)) == "2026-11-22T03:00"
    assert cron.last_until(ms("2026-11-22T02:59")) is None
    assert text(cron.last_until(ms("2026-11-22T03:00"))) == "2026-11-22T03:00"


_FIELD = st.sampled_from
CRONS = st.tuples(
    _FIELD(["*", "0", "*/7", "15,45", "30-40", "59"]),
    _FIELD(["*", "0", "2", "*/5", "1-3", "23"]),
    _FIELD(["*", "1", "31", "*/10", "L"]),
    _FIELD(["*", "2", "*/3", "10-11"]),
    _FIELD(["*", "0", "1-5", "3"]),
).map(" ".join)
ZONES = st.sampled_from(["UTC", BERLIN, NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe"])
MOMENTS = st.integers(ms("2024-01-01T00:00"), ms("2028-01-01T00:00"))


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(CRONS, ZONES, MOMENTS)
def test_forwards_and_backwards_agree(cron: str, zone: str, moment: int) -> None:
    try:
        times = times_of(checked(replace(TASK, cron=cron, timezone=zone), moment))
    except Malformed:
        return  # such as 31 of February
    after = times.first_after(moment)
    assert after is not None
    assert after > moment
    second = times.first_after(after)
    assert second is not None
    assert second > after
    # where clocks go back, an hour of the wall comes twice and neither way visits it alike
    if not any(_shifts(zone, at) for at in (moment, after, second)):
        assert times.last_until(after) == after
        assert times.last_until(second - 1) == after


@settings(max_examples=40)
@given(st.tuples(_FIELD(["*/20", "0", "10,50"]), _FIELD(["*", "*/6", "5-7"])), MOMENTS)
def test_nothing_lies_between(fields: tuple[str, str], moment: int) -> None:
    """Minute by minute, as one would check it by hand."""
    times = times_of(replace(TASK, cron=f"{' '.join(fields)} * * *"))
    minutes = {"*/20": {0, 20, 40}, "0": {0}, "10,50": {10, 50}}[fields[0]]
    hours = {"*": set(range(24)), "*/6": {0, 6, 12, 18}, "5-7": {5, 6, 7}}[fields[1]]
    at = moment // MINUTE * MINUTE
    while True:
        at += MINUTE
        wall = datetime.fromtimestamp(at / 1000, UTC)
        if wall.minute in minutes and wall.hour in hours:
            break
    assert times.first_after(moment) == at


def _shifts(zone: str, moment: int) -> bool:
    """Whether clocks change within two days of a moment."""
    if zone == "UTC":
        return False
    wall = datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))
    days = (wall - timedelta(days=2), wall + timedelta(days=2))
    return len({day.replace(tzinfo=ZoneInfo(zone)).utcoffset() for day in days}) > 1
