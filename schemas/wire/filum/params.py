"""Filum's typed ``event_params``, with every irregularity of its SDKs."""

import re
from collections.abc import Callable
from typing import Any, Final

from schemas import times
from schemas.events import iso
from schemas.reading import JsonObject

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_DOUBLE: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")
_INFINITE: Final = (float("inf"), float("-inf"))


def properties(
    items: list[Any] | None, errors: list[str], field: str = "event_params"
) -> JsonObject:
    """Turn typed items into properties; of a repeated key the last wins.

    Java sends ``{}`` in place of each value that it cannot type, which says nothing at all; any
    other item without a key is a property lost on the way, and the event says so.
    """
    found: JsonObject = {}
    for index, item in enumerate(items or ()):
        key = item.get("key") if type(item) is dict else None
        if type(key) is str and key:
            found[key] = _value(item.get("value"))
        elif item:
            errors.append(f"{field}[{index}] has no key")
    return found


def _value(value: Any) -> Any:
    """Read ``{"int_value": 3}``; of several types the narrowest that is not null."""
    if type(value) is not dict:
        return value
    for name, convert in _CONVERSIONS.items():
        found = value.get(name)
        if found is not None:
            return convert(found)
    return None


def _integer(value: Any) -> Any:
    """Integers may come as text, as JSON writes 64-bit ones for JavaScript's sake."""
    return int(value) if type(value) is str and _INTEGER.fullmatch(value) else value


def _double(value: Any) -> Any:
    number = float(value) if type(value) is str and _DOUBLE.fullmatch(value) else value
    return number if number not in _INFINITE else value


def _datetime(value: Any) -> Any:
    """ISO 8601 stays; Java's ``Date.toString`` becomes it; unknown zones leave the text alone."""
    if type(value) is not str or times.from_iso(value) is not None:
        return value
    found = times.storable(times.from_date(value))
    return value if found is None else iso(found)


_CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "int_value": _integer,
    "double_value": _double,
    "datetime_value": _datetime,
    "string_value": lambda value: value,
}
