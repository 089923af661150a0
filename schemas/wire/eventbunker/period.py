"""EventBunker's ``time_period`` -> Unix ms. UTC; weeks begin on Monday."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas import times
from schemas.errors import Malformed

Period = tuple[int | None, int | None]
"""First moment, and the moment after the last; None for any."""

_PERIOD: Final = ("body", "time_period")
_RELATIVE: Final = re.compile(r"minus_([0-9]{1,7})_(second|minute|hour|day|week|month|year)s?")
_CALENDAR: Final = re.compile(r"(this|last)_(hour|day|week|month|year)")
_DAYS: Final[Mapping[str, tuple[str, str]]] = {
    "today": ("this", "day"),
    "yesterday": ("last", "day"),
}
_SECONDS: Final[Mapping[str, int]] = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
}
_MONTHS: Final[Mapping[str, int]] = {"month": 1, "year": 12}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read(value: Any, now: int) -> Period:
    """Read a period: ``minus_5_minutes``, ``yesterday``, ``this_week``, or ``from`` and ``to``.

    Args:
        now: Unix ms; relative periods end with it.

    Raises:
        Malformed: ``period-invalid`` or ``datetime-parsing``.
    """
    if value is None:
        return None, None
    if type(value) is dict:
        return _explicit(value)
    text = value if type(value) is str else ""
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return _before(now, int(relative[1]), relative[2]), now + 1
    calendar = _CALENDAR.fullmatch(text)
    which, unit = (calendar[1], calendar[2]) if calendar else _DAYS.get(text, ("", ""))
    if not unit:
        raise Malformed(
            "period-invalid",
            "time_period must be minus_N_seconds, _minutes, _hours, _days, _weeks, _months or "
            "_years, today, yesterday, this_ or last_ hour, day, week, month or year, or an "
            "object of from and to",
            where=_PERIOD,
        )
    start = _start(_moment(now), unit)
    if which == "this":
        return _ms(start), _ms(_later(start, unit))
    return _ms(_start(start - timedelta(milliseconds=1), unit)), _ms(start)


def _explicit(period: dict[str, Any]) -> Period:
    unknown = sorted(set(period) - {"from", "to"})
    if unknown or not period:
        raise Malformed("period-invalid", "time_period has from, to or both", where=_PERIOD)
    return _at(period, "from"), _at(period, "to")


def _at(period: dict[str, Any], name: str) -> int | None:
    value = period.get(name)
    if value is None:
        return None
    found = times.from_date(value) if type(value) is str else None
    if type(value) is int or type(value) is float:
        found = times.from_number(value)
    if found is None:
        message = f"time_period.{name} is no date that JavaScript can parse"
        raise Malformed("datetime-parsing", message, where=(*_PERIOD, name))
    return times.nearest_storable(found)


def _before(now: int, count: int, unit: str) -> int:
    """Go back; a day that a shorter month lacks becomes its last. 1970 is as far as it goes."""
    if unit in _SECONDS:
        return max(0, now - count * _SECONDS[unit] * 1000)
    moment = _moment(now)
    months = moment.year * 12 + moment.month - 1 - count * _MONTHS[unit]
    if months < _EPOCH.year * 12:
        return 0
    year, month = divmod(months, 12)
    first = moment.replace(day=1, year=year, month=month + 1)
    last_day = (_later(first, "month") - timedelta(days=1)).day
    return _ms(first.replace(day=min(moment.day, last_day)))


def _start(moment: datetime, unit: str) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    match unit:
        case "hour":
            return hour
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(day=1, month=1)
        case _:
            return day


def _later(start: datetime, unit: str) -> datetime:
    """The beginning of the unit after the one that begins at ``start``."""
    if unit in _SECONDS:
        return start + timedelta(seconds=_SECONDS[unit])
    months = start.year * 12 + start.month - 1 + _MONTHS[unit]
    return start.replace(year=months // 12, month=months % 12 + 1)


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
