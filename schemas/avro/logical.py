"""Avro's logical types: what a plain value stands for; one that cannot be stays plain."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

_LONGEST_DECIMAL: Final = 64
_LARGEST_SCALE: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = range(-62_135_596_800_000, 253_402_300_800_000)
"""The years 1 to 9999."""
_DAYS: Final = range(-719_162, 2_932_897)
_DAY_MS: Final = 86_400_000
_PER_MS: Final = {"millis": 1, "micros": 1_000, "nanos": 1_000_000}


def meaning_of(schema: dict[str, Any]) -> Callable[[Any], Any] | None:
    """Find what a schema's logical type makes of its plain values; None when it has none.

    An unknown logical type says nothing (specification, "Logical Types").
    """
    name = schema.get("logicalType")
    if type(name) is not str:
        return None
    if name == "decimal":
        scale = schema.get("scale", 0)
        known = type(scale) is int and 0 <= scale <= _LARGEST_SCALE
        return (lambda value: _decimal(value, scale)) if known else None
    if name == "date":
        return _date
    head, _, unit = name.rpartition("-")
    if unit in _PER_MS and head in {"timestamp", "local-timestamp", "time"}:
        word = _clock if head == "time" else _moment
        return lambda value: word(value, _PER_MS[unit])
    return None


def _decimal(value: Any, scale: int) -> Any:
    if type(value) is not str or len(value) > _LONGEST_DECIMAL:
        return value
    return int.from_bytes(value.encode("latin-1"), "big", signed=True) / 10**scale


def _date(value: Any) -> Any:
    if type(value) is not int or value not in _DAYS:
        return value
    return date.fromordinal(date(1970, 1, 1).toordinal() + value).isoformat()


def _moment(value: Any, per_ms: int) -> Any:
    if type(value) is not int or value // per_ms not in _MS:
        return value
    moment = _EPOCH + timedelta(milliseconds=value // per_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0") + f"{value // per_ms % 1000:03d}Z"


def _clock(value: Any, per_ms: int) -> Any:
    if type(value) is not int or not 0 <= value // per_ms < _DAY_MS:
        return value
    return (_EPOCH + timedelta(milliseconds=value // per_ms)).strftime("%H:%M:%S.%f")[:-3]
