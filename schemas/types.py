"""The types of properties: which one a first value decides, and what a later value is as one.

Both tables are Rakam's (its JSON event deserialiser, 2021); the tests have every cell. Values are
JSON's. What a client sent is kept as it is wherever a typed column can be cast from it.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from schemas import codec, literals
from schemas.errors import Malformed
from schemas.events import iso

PLAIN: Final = (
    "string",
    "integer",
    "long",
    "double",
    "decimal",
    "boolean",
    "timestamp",
    "date",
    "time",
    "binary",
)
JSON: Final = "json"
"""Holds every value, at any depth."""
NAMES: Final = "{1}|({0})|(array|map)<({0})>".format("|".join(PLAIN), JSON)
"""What names a type, as a regular expression."""
_NAME: Final = re.compile(NAMES)

_INTEGERS: Final = range(-(1 << 31), 1 << 31)

_WIDER: Final = frozenset(
    {
        ("integer", "long"),
        ("integer", "double"),
        ("integer", "decimal"),
        ("long", "decimal"),
        ("date", "timestamp"),
    }
)


AS_IT_IS: Final[Mapping[str, frozenset[type]]] = MappingProxyType(
    {
        "string": frozenset({type(None), str}),
        "double": frozenset({type(None), int, float}),
        "boolean": frozenset({type(None), bool}),
        JSON: frozenset({type(None), str, int, float, bool, list, dict}),
    }
)
"""Type -> the classes whose values all fit as they are, where there are any beside null's."""


class _Unfit:
    """What is returned in place of a value that will not fit."""


_UNFIT: Final = _Unfit()


def is_type(name: Any) -> bool:
    """Tell whether this names a type: ``double``, ``array<double>``, ``map<string>``, ``json``."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def infer(value: Any, *, flat: bool = False) -> str | None:
    """Name the type that a first value decides; None when it decides nothing (null, [], {}).

    Args:
        flat: the first element's type is the list's, and an object of plain values is a map of
            the first one's, as Rakam has it. Else what is not all of one type is ``json``.
    """
    if type(value) is dict:
        kinds = _kinds(value.values())
        if flat and kinds and kinds[0] != JSON:
            return f"map<{kinds[0]}>"
        return JSON if kinds else None
    if type(value) is list:
        kinds = _kinds(value)
        if not kinds:
            return None
        return _list_of(kinds[:1] if flat else kinds)
    return _infer_plain(value)


def _kinds(values: Any) -> list[str]:
    """Name the type of each value that is not null; ``json`` for what is nested."""
    return [
        JSON if type(value) in _NESTED else _infer_plain(value) or JSON
        for value in values
        if value is not None
    ]


_NESTED: Final = frozenset({dict, list})
_TEXTS: Final = frozenset({"string", "date", "timestamp"})


def _list_of(kinds: list[str]) -> str:
    distinct = set(kinds)
    if len(distinct) > 1:
        return "array<string>" if distinct <= _TEXTS else JSON
    return JSON if JSON in distinct else f"array<{kinds[0]}>"


def _infer_plain(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int() | float():
            return "double"
        case text:
            if literals.date(text):
                return "date"
            return "timestamp" if literals.moment(text) else "string"


def widens(old: str, new: str) -> bool:
    """Tell whether every value of a type is one of the other: nothing is lost by the change."""
    if new in {JSON, old}:
        return True
    outer, _, inner = old.partition("<")
    new_outer, _, new_inner = new.partition("<")
    if inner and new_inner:
        return outer == new_outer and (inner[:-1], new_inner[:-1]) in _WIDER
    return (old, new) in _WIDER


def coerce(kind: str, value: Any) -> tuple[Any, bool]:
    """Make a value one of a type; never raises for what JSON can hold.

    Returns:
        What the property is now (None for nothing), and whether all of the value is in it.
        A value that fits is returned as it is; of a list or map, what fits is kept. Of a type
        that this version does not know every value is one.
    """
    if value is None or kind == JSON:
        return value, True
    plain = _CASTS.get(kind)
    if plain is not None:
        found = plain(value)
        return (None, False) if found is _UNFIT else (found, True)
    outer, _, inner = kind.removesuffix(">").partition("<")
    cast = _CASTS.get(inner)
    if cast is None:
        return value, True
    return _as_list(cast, value) if outer == "array" else _as_map(cast, value)


def surely(kind: str) -> Callable[[Any], bool] | None:
    """Give a quick test that only what :func:`coerce` returns as it is passes; None for no test."""
    if kind in {"timestamp", "date"}:
        read = literals.moment if kind == "timestamp" else literals.date
        return lambda value: type(value) is str and read(value) == value
    inner = kind.removeprefix("array<")[:-1]
    elements = AS_IT_IS.get(inner) if inner != kind[:-1] else None
    if elements is None:
        return None
    return lambda value: type(value) is list and elements.issuperset(map(type, value))


def _as_list(cast: Callable[[Any], Any], value: Any) -> tuple[Any, bool]:
    if type(value) is dict:
        return None, False
    if type(value) is str and value.startswith("["):
        try:
            parsed = codec.loads(value)
        except Malformed:
            parsed = None
        value = parsed if type(parsed) is list else value
    if type(value) is not list:
        found = cast(value)
        if found is _UNFIT:
            return None, False
        return (None if found is None else [found]), True
    cells = [_cell(cast, each) for each in value]
    kept = [cell for cell in cells if cell is not _UNFIT]
    return kept, len(kept) == len(cells)


def _as_map(cast: Callable[[Any], Any], value: Any) -> tuple[Any, bool]:
    if type(value) is not dict:
        return None, False
    cells = {name: _cell(cast, each) for name, each in value.items()}
    kept = {name: cell for name, cell in cells.items() if cell is not _UNFIT}
    return kept, len(kept) == len(cells)


def _cell(cast: Callable[[Any], Any], value: Any) -> Any:
    """Cast what is in a list or map; what is nested is JSON text, where texts are wanted."""
    if value is None:
        return None
    if type(value) in _NESTED:
        return codec.dumps(value).decode() if cast is _string else _UNFIT
    return cast(value)


def _string(value: Any) -> Any:
    if type(value) is str:
        return value
    if type(value) in _NESTED:
        return _UNFIT if value else None
    return codec.dumps(value).decode()


def _boolean(value: Any) -> Any:
    if type(value) is bool:
        return value
    if type(value) is str:
        return {"true": True, "false": False}.get(value.lower(), _UNFIT)
    return _UNFIT


def _whole(within: range) -> Callable[[Any], Any]:
    def cast(value: Any) -> Any:
        if type(value) is str:
            if not value:
                return None
            number = literals.number(value)
            if number is None or number.adjusted() > literals.MOST_DIGITS:
                return _UNFIT
            found = int(number)
        elif type(value) is int or (type(value) is float and math.isfinite(value)):
            found = int(value)
        else:
            return _UNFIT
        return found if found in within else _UNFIT

    return cast


def _double(value: Any) -> Any:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    return _REAL(value) if value != "" else None


def _timestamp(value: Any) -> Any:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return iso(int(value)) if int(value) in literals.MOMENTS else _UNFIT
    return _MOMENT(value)


def _text(read: Callable[[str], Any]) -> Callable[[Any], Any]:
    def cast(value: Any) -> Any:
        found = read(value) if type(value) is str else None
        return _UNFIT if found is None else found

    return cast


_REAL: Final = _text(literals.real)
_MOMENT: Final = _text(lambda text: literals.moment(text) or literals.date(text))


def _base64(text: str) -> str | None:
    try:
        base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return text


_CASTS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "string": _string,
        "integer": _whole(_INTEGERS),
        "long": _whole(literals.LONGS),
        "double": _double,
        # no part of a whole number, as the table has it
        "decimal": _whole(literals.LONGS),
        "boolean": _boolean,
        "timestamp": _timestamp,
        "date": _text(literals.date),
        "time": _text(literals.time_of_day),
        "binary": _text(_base64),
    }
)
