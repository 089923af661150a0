"""What a named query is given, as texts or JSON -> its values; pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast, get_args

from schemas import codec, times
from schemas.errors import Malformed
from schemas.named import NAMED, Asked, Kind, Parameter
from schemas.query import TIMES, Column, Field, Filter, Group, Operator, Property, Scalar
from schemas.reading import MAX_ID, MAX_NAME, as_whole

_COLUMNS: Final = frozenset(get_args(Column))
_OPERATORS: Final = frozenset(get_args(Operator))
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_SPAN: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]+)?")
_CONDITION: Final = re.compile(r"([^=!<>~]+)(!=|>=|<=|=|>|<|!~|~)(.*)", re.DOTALL)
_SIGNS: Final[Mapping[str, Operator]] = {
    "=": "equals",
    "!=": "differs",
    ">": "above",
    ">=": "from",
    "<": "below",
    "<=": "to",
    "~": "contains",
    "!~": "lacks",
}
_ORDERED: Final = frozenset({"above", "from", "below", "to"})
_LONGEST_SPAN: Final = 3_660 * 86_400_000


def from_texts(name: str, given: Mapping[str, list[str]]) -> dict[str, Any]:
    """Make what :func:`read` takes of texts, as query strings and command lines have them.

    Raises:
        Malformed: ``query-unknown`` (404), or ``parameter-invalid`` for a repeated single value.
    """
    kinds = {parameter.name: parameter.kind for parameter in _parameters(name).values()}
    found: dict[str, Any] = {}
    for key, texts in given.items():
        kind = kinds.get(key, "texts")
        if kind in _LISTS:
            found[key] = texts
            continue
        if len(texts) != 1:
            raise _wrong(key, f"{key} takes one value")
        found[key] = _number(texts[0]) if kind in {"whole", "moment"} else texts[0]
    return found


def read(name: str, given: Mapping[str, Any], now: int) -> Asked:
    """Read the parameters of a named query.

    Args:
        given: name -> JSON value.
        now: Unix ms.

    Raises:
        Malformed: ``query-unknown`` (404), or ``parameter-invalid``, which names the parameter.
    """
    known = _parameters(name)
    for other in given:
        if other not in known:
            what = f"{other[:MAX_NAME]!r} is no parameter of {name}; there are: {', '.join(known)}"
            raise _wrong(other[:MAX_NAME], what)
    values = {each.name: _value(each, given, now) for each in known.values()}
    if "within" in values:
        values |= {"since": times.nearest_storable(now - values["within"]), "until": now + 1}
    _check(values)
    return Asked(name, values)


def _check(values: Mapping[str, Any]) -> None:
    if values["since"] >= values["until"]:
        raise _wrong("since", "since must be before until")
    for each in ("steps", "group"):
        if len(set(values.get(each, ()))) < len(values.get(each, ())):
            raise _wrong(each, f"{each}: the values must all be different")


def _parameters(name: str) -> dict[str, Parameter]:
    if name not in NAMED:
        message = f"there is no such query; there are: {', '.join(NAMED)}"
        raise Malformed("query-unknown", message, status=404, where=("name",))
    return {parameter.name: parameter for parameter in NAMED[name].parameters}


def _value(parameter: Parameter, values: Mapping[str, Any], now: int) -> Any:
    given = values.get(parameter.name, parameter.default)
    if parameter.name not in values and parameter.default is None:
        raise _wrong(parameter.name, f"{parameter.name} is missing: {parameter.text}")
    if parameter.kind not in _LISTS:
        return _ONES[parameter.kind](parameter, given, now)
    if not isinstance(given, list | tuple):
        raise _wrong(parameter.name, f"{parameter.name} must be an array")
    if not parameter.least <= len(given) <= parameter.most:
        bounds = f"{parameter.least} to {parameter.most}"
        raise _wrong(parameter.name, f"{parameter.name} takes {bounds} values: repeat it")
    return tuple(_LISTS[parameter.kind](parameter.name, item) for item in given)


def _number(text: str) -> Any:
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _moment(parameter: Parameter, given: Any, now: int) -> int:
    """Read ISO 8601, Unix time in seconds or ms, ``now``, or a span before it."""
    if given == "now":
        return now
    found: int | None = None
    if type(given) is int or type(given) is float:
        found = times.from_number(given)
    elif type(given) is str and _SPAN.fullmatch(given):
        found = now - _span(parameter, given, now)
    elif type(given) is str and len(given) <= MAX_NAME:
        found = times.from_iso(given)
    if found is None:
        what = f"{parameter.name} must be ISO 8601, Unix time, now, or a span before now like 7d"
        raise _wrong(parameter.name, what)
    return times.nearest_storable(found)


def _span(parameter: Parameter, given: Any, now: int) -> int:  # noqa: ARG001 - as its siblings
    found = _SPAN.fullmatch(given) if type(given) is str else None
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < length <= _LONGEST_SPAN:
        what = f"{parameter.name} must be a span: 90s, 15m, 12h, 7d or 2w, ten years at most"
        raise _wrong(parameter.name, what)
    return length


def _whole(parameter: Parameter, given: Any, now: int) -> int:  # noqa: ARG001 - as its siblings
    given = as_whole(given)
    if type(given) is not int or not parameter.least <= given <= parameter.most:
        what = f"{parameter.name} must be a whole number, {parameter.least} to {parameter.most}"
        raise _wrong(parameter.name, what)
    return given


def _choice(parameter: Parameter, given: Any, now: int) -> str:  # noqa: ARG001 - as its siblings
    if type(given) is not str or given not in parameter.choices:
        what = f"{parameter.name} must be one of {', '.join(parameter.choices)}"
        raise _wrong(parameter.name, what)
    return given


def _text(name: str, given: Any) -> str:
    if type(given) is not str or not 0 < len(given) <= MAX_ID or not _sendable(given):
        raise _wrong(name, f"{name} takes texts of 1 to {MAX_ID} characters")
    return given


def _group(name: str, given: Any) -> Group:
    field = _field(name, given)
    if field in TIMES:
        raise _wrong(name, f"{name}: times are grouped by step")
    return Group(given, field)


def _field(name: str, given: Any) -> Field:
    """Take a column of events by its name; ``properties.x``, like any other name, is a property."""
    unfit = type(given) is not str or not 0 < len(given) <= MAX_NAME or not _sendable(given)
    if unfit or "^`" in given or ":`" in given:
        raise _wrong(name, f"{name} takes names of fields, 1 to {MAX_NAME} characters")
    if given in _COLUMNS:
        return cast("Column", given)
    return Property(given.removeprefix("properties.") or given)


def _filter(name: str, given: Any) -> Filter:
    """Read ``field=value`` or ``{"field": ..., "operator": ..., "values": [...]}``."""
    if isinstance(given, dict):
        return _spelt(name, given)
    found = _CONDITION.fullmatch(given) if type(given) is str else None
    if found is None:
        what = "write field=value; also !=, <, <=, >, >= and ~ for contains, !~ for lacks"
        raise _wrong(name, f"{name}: {what}")
    field = _field(name, found[1].strip())
    operator, text = _SIGNS[found[2]], found[3].strip()
    value = _scalar(field, text)
    if operator in _ORDERED and (value is None or isinstance(value, bool)):
        value = text
    return _checked(name, field, operator, (value,))


def _spelt(name: str, given: Mapping[str, Any]) -> Filter:
    operator, values = given.get("operator"), given.get("values", [])
    known = isinstance(operator, str) and operator in _OPERATORS
    if not known or not given.keys() <= {"field", "operator", "values"}:
        operators = ", ".join(sorted(_OPERATORS))
        raise _wrong(name, f"{name} takes field, operator and values; operators are: {operators}")
    if type(values) is not list:
        raise _wrong(name, f"{name}: values must be an array")
    field = _field(name, given.get("field"))
    found = tuple(_moment_of(field, value) for value in values)
    return _checked(name, field, cast("Operator", operator), found)


def _checked(name: str, field: Field, operator: Operator, values: tuple[Any, ...]) -> Filter:
    wanted = 0 if operator in {"exists", "absent"} else 1
    many = operator in {"in", "not-in"}
    if len(values) > MAX_NAME or (not many and len(values) != wanted):
        raise _wrong(name, f"{name}: {operator} takes {'values' if many else wanted or 'none'}")
    for value in values:
        plain = value is None or type(value) in {bool, int, float}
        if not plain and (type(value) is not str or len(value) > MAX_ID or not _sendable(value)):
            raise _wrong(name, f"{name}: a value is a text, a number, true, false or null")
    if operator in _ORDERED and type(values[0]) not in {str, int, float}:
        raise _wrong(name, f"{name}: {operator} takes a text or a number")
    if operator in {"begins", "ends"} and type(values[0]) is not str:
        raise _wrong(name, f"{name}: {operator} takes a text")
    return Filter(field, operator, values)


def _scalar(field: Field, text: str) -> Scalar:
    """Understand a value without quotes: of a column a text, else JSON where it is any."""
    if not isinstance(field, Property):
        moment = times.from_iso(text) if field in TIMES else None
        return text if moment is None else moment
    try:
        found = codec.loads(text.encode("utf-8", "surrogatepass"))
    except Malformed:
        return text
    return found if found is None or isinstance(found, str | bool | int | float) else text


def _moment_of(field: Field, value: Any) -> Any:
    if field not in TIMES or type(value) is not str:
        return value
    found = times.from_iso(value)
    return value if found is None else found


def _sendable(text: str) -> bool:
    """Tell whether UTF-8 has room for it; a lone surrogate has none."""
    return text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)


def _wrong(name: str, message: str) -> Malformed:
    return Malformed("parameter-invalid", message, where=(name,))


_LISTS: Final[Mapping[Kind, Callable[[str, Any], Any]]] = {
    "texts": _text,
    "fields": _group,
    "filters": _filter,
}
_ONES: Final[Mapping[Kind, Callable[[Parameter, Any, int], Any]]] = {
    "moment": _moment,
    "span": _span,
    "whole": _whole,
    "choice": _choice,
}
