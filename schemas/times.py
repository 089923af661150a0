"""Clients' notions of time -> Unix ms: ISO 8601, Unix numbers, and what JavaScript's Date reads."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_LAST: Final = 253_402_300_799_999
"""9999-12-31: beyond it neither this calendar nor ClickHouse's DateTime64 goes."""
_STORABLE: Final = range(4_102_444_800_000)
"""1970 to 2099: what a DateTime64(3) column and :func:`schemas.events.iso` both hold."""
_LONGEST: Final = 128

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_DAYS: Final = frozenset({"mon", "tue", "wed", "thu", "fri", "sat", "sun"})
_ZONES: Final = ("pst", "mst", "cst", "est", "edt", "cdt", "mdt", "pdt")
_ZONE_HOURS: Final = {
    **dict.fromkeys(("z", "ut", "utc", "gmt"), 0),
    **dict(zip(_ZONES, (-8, -7, -6, -5, -4, -5, -6, -7), strict=True)),
    "ict": 7,  # not RFC 2822's: the zone of most of Filum's Java clients
}
_REMARK: Final = re.compile(r"\([^()]*\)")
_CLOCK: Final = re.compile(
    r"(?<!\d)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*([ap]m\b)?", re.IGNORECASE
)
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})?(?!\d)")
_WORD: Final = re.compile(r"[a-z]+|\d+|[^\sa-z\d]", re.IGNORECASE)


def from_iso(text: str) -> int | None:
    """Read ISO 8601 (date, or date and time with any number of fractional digits).

    A time without an offset is UTC; an offset is converted. Returns Unix ms, cut not rounded,
    or None when the text is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None if text == text.upper() else from_iso(text.upper())  # RFC 3339 allows t and z
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MS


def from_number(number: float) -> int | None:
    """Read Unix time in seconds or, above 2e10, in ms: the watershed that pydantic uses.

    Returns Unix ms, or None outside the years 1970 to 9999.
    """
    ms = number if abs(number) > 2e10 else number * 1000  # noqa: PLR2004 - named by the docstring
    return int(ms) if 0 <= ms <= _LAST else None


def from_date(text: str) -> int | None:
    """Read what JavaScript's ``new Date(text)`` reads, with UTC as the local zone.

    ISO 8601 first, then free text made of a day, a month (name, or US order of numbers), a
    year, a clock, AM/PM, a zone or offset: RFC 2822, ``Month D, YYYY``, Java's and
    JavaScript's ``Date.toString``. Returns Unix ms or None.
    """
    text = text.strip()
    found = from_iso(text)
    if found is not None or len(text) > _LONGEST or not text.isascii():
        return found
    text = _REMARK.sub(" ", text)
    clock = _CLOCK.search(text)
    if clock is None:
        return _moment(_Words(text), 0, 0)
    tail, minutes = _cut_offset(text[clock.end() :])
    time_of_day = _time_of_day(clock)
    if time_of_day is None:
        return None
    return _moment(_Words(f"{text[: clock.start()]} {tail}"), time_of_day, minutes)


def storable(ms: int | None) -> int | None:
    """Keep a time that a column can hold; a clock beyond 1970 to 2099 says nothing."""
    return ms if ms is not None and ms in _STORABLE else None


def nearest_storable(ms: int) -> int:
    """Move a time to the nearest that a column can hold: all that is stored lies in between."""
    return min(max(ms, _STORABLE.start), _STORABLE[-1])


class _Words:
    """The parts of a date's text beside its clock: numbers in order, month, zone, or no date."""

    def __init__(self, text: str) -> None:
        self.numbers: list[int] = []
        self.month = 0
        self.zone_minutes = 0
        self.is_date = True
        for word in _WORD.findall(text.lower()):
            self._take(word)

    def _take(self, word: str) -> None:
        if word.isdigit():
            self.numbers.append(int(word))
        elif word in _ZONE_HOURS:
            self.zone_minutes = _ZONE_HOURS[word] * 60
        elif word[:3] in _MONTHS and not self.month:
            self.month = _MONTHS[word[:3]]
        elif word[:3] not in _DAYS and word not in {",", "-", "/", "."}:
            self.is_date = False


def _cut_offset(text: str) -> tuple[str, int]:
    offset = _OFFSET.search(text)
    if offset is None:
        return text, 0
    minutes = int(offset[2]) * 60 + int(offset[3] or 0)
    return text[: offset.start()] + text[offset.end() :], -minutes if offset[1] == "-" else minutes


def _time_of_day(clock: re.Match[str]) -> int | None:
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    half = (clock[5] or "").lower()
    if minute > 59 or second > 59 or hour > (12 if half else 23):  # noqa: PLR2004 - a clock
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return ((hour * 60 + minute) * 60 + second) * 1000 + int((clock[4] or "").ljust(3, "0")[:3])


def _moment(words: _Words, time_of_day: int, offset_minutes: int) -> int | None:
    date = _calendar_date(words)
    if date is None:
        return None
    try:
        midnight = datetime(*date, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    minutes = words.zone_minutes + offset_minutes
    return (midnight - _EPOCH) // _MS + time_of_day - minutes * 60_000


def _calendar_date(words: _Words) -> tuple[int, int, int] | None:
    """Give (year, month, day); a number above 31 is the year, else the year comes last."""
    numbers = words.numbers
    if not words.is_date or len(numbers) != (2 if words.month else 3):
        return None
    year_first = numbers[0] > 31  # noqa: PLR2004 - no month has more days
    year = numbers[0] if year_first else numbers[-1]
    month = words.month or (numbers[1] if year_first else numbers[0])
    day = numbers[-1] if year_first else numbers[-2]
    if year < 100:  # noqa: PLR2004 - ECMAScript engines: 0-49 is 20xx, 50-99 is 19xx
        year += 2000 if year < 50 else 1900  # noqa: PLR2004 - as above
    return year, month, day
