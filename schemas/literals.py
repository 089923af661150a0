"""Texts read as numbers, dates and times, strictly; what can be cast as it is stays as it is."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from schemas.events import iso

LONGS: Final = range(-(1 << 63), 1 << 63)
MOMENTS: Final = range(-2_208_988_800_000, 10_413_792_000_000)
"""Unix ms of 1900 to 2299: what ClickHouse's Date32 and DateTime64(3) both hold."""
MOST_DIGITS: Final = 20
_YEARS: Final = range(1900, 2300)
_LONGEST_NUMBER: Final = 128
_SHORTEST_MOMENT: Final = 13

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_ISO_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
"""What is kept as it was sent: ClickHouse's best effort reads it, too."""
_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?)?"
    r"| ([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,6}))?)?)"
    r" ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")


def number(text: str) -> Decimal | None:
    """Read a decimal number; ``NaN``, ``Infinity`` and ``null`` are none."""
    if len(text) > _LONGEST_NUMBER:
        return None
    text = text.strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def real(text: str) -> int | float | None:
    """Read a number; a whole one that 64 bits hold keeps all its digits."""
    found = number(text)
    if found is None:
        return None
    if _WHOLE.fullmatch(text.strip()) and found.adjusted() < MOST_DIGITS and int(found) in LONGS:
        return int(found)
    return None if abs(float(found)) == float("inf") else float(found)


def moment(text: str) -> str | None:
    """Read a date with a time, and keep it, or write it anew as ISO 8601 in UTC.

    A code such as ``4000-12-01-1234`` or a clock without a date is no time.
    """
    if len(text) < _SHORTEST_MOMENT:
        return None
    if _ISO_MOMENT.fullmatch(text):
        try:
            return text if datetime.fromisoformat(text).year in _YEARS else None
        except ValueError:
            return None
    found = _MOMENT.fullmatch(text)
    return None if found is None else _written_anew(found)


def _written_anew(found: re.Match[str]) -> str | None:
    day, *clock, zone = found.groups()
    hour, minute, second, fraction = clock[:4] if clock[0] is not None else clock[4:]
    year, month, of_month = map(int, day.split("-"))
    micros = int((fraction or "").ljust(6, "0")[:6])
    time_ = int(hour), int(minute or 0), int(second or 0), micros
    try:
        exact = datetime(year, month, of_month, *time_, tzinfo=_zone(zone))
    except ValueError:
        return None
    ms = (exact - _EPOCH) // _MS
    return iso(ms) if ms in MOMENTS else None


def _zone(text: str | None) -> timezone:
    if not text or text in {"Z", "UTC"}:
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def date(text: str) -> str | None:
    """Read a day of the calendar and write it as ``2024-05-07``."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    try:
        datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    return f"{year:04}-{month:02}-{day:02}" if year in _YEARS else None


def time_of_day(text: str) -> str | None:
    """Keep ``HH:mm`` or ``HH:mm:ss``."""
    return text if _TIME.fullmatch(text) else None
