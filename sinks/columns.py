"""A property and its type -> the SQL expression that reads it as one. Pure.

A value of another kind than its column's is NULL there (and whole in ``events.properties``):
making values fit is the processors' work. Only text holds every kind, as JSON writes it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sinks.naming import literal, quoted

_SYNTAX: Final = re.compile(r"[\^:]`")
"""How ClickHouse writes parts of a JSON column: a name with it is taken for such a part."""
_MOMENTS: Final = "-2208988800000 AND 10413791999999"
"""From 1900 to 2299 in Unix ms: far beyond, ClickHouse would raise an error."""
_NEVER: Final = "-2208988800001"


class _Value(NamedTuple):
    """A property's value as SQL; a kind that it is not of is NULL.

    Attributes:
        text, whole, positive, real, boolean: scalars, by what they were in JSON.
        json: JSON text of a scalar or array.
        nested: JSON text of an object; of what is none, and of an empty one, ``{}`` or NULL.
    """

    text: str
    whole: str
    positive: str
    real: str
    boolean: str
    json: str
    nested: str

    @property
    def words(self) -> str:
        """Any scalar or array, as text."""
        return f"coalesce({self.text}, {self.json})"

    @property
    def long(self) -> str:
        """A number without its fraction."""
        return f"coalesce({self.whole}, accurateCastOrNull(trunc({self.real}), 'Int64'))"

    @property
    def array(self) -> str:
        """JSON text of an array, else "", null or a scalar: no array either."""
        return f"ifNull({self.json}, '')"

    @property
    def mapping(self) -> str:
        """JSON text of an object, else what is none."""
        return f"ifNull({self.nested}, '')"


def _value(name: str, properties: str) -> _Value:
    if _SYNTAX.search(name):
        return _dug_out(name, properties)
    # Only this path of the column is read; an identifier cannot be empty, a path can.
    value = f"{properties}.{quoted(name)}" if name else f"getSubcolumn({properties}, '')"
    text, whole, positive, real, boolean = (
        f"dynamicElement({value}, '{kind}')"
        for kind in ("String", "Int64", "UInt64", "Float64", "Bool")
    )
    json = f"toJSONString({value})"
    dug_out = _dug_out(name, properties).nested
    nested = f"toJSONString({properties}.^{quoted(name)})" if name else dug_out
    return _Value(text, whole, positive, real, boolean, json, nested)


def _dug_out(name: str, properties: str) -> _Value:
    """Read a name that cannot be a path: from the text of all properties, which is slow.

    In that text a dot is a step into an object. A name that has a dot, too, is not found where
    the part before it is a name of its own.
    """
    path = ", ".join(map(literal, name.split(".")))
    json = f"nullIf(JSONExtractRaw(toJSONString({properties}), {path}), '')"
    first = f"substring({json}, 1, 1)"
    is_text, is_word = f"{first} = '\"'", f"{first} IN ('t', 'f')"

    def extract(kind: str, condition: str) -> str:
        return f"if({condition}, JSONExtract({json}, 'Nullable({kind})'), NULL)"

    number = f"NOT ({is_text} OR {is_word})"
    return _Value(
        extract("String", is_text),
        extract("Int64", number),
        extract("UInt64", number),
        extract("Float64", number),
        extract("Bool", is_word),
        f"if({first} = '{{', NULL, {json})",
        json,
    )


def _double(value: _Value) -> str:
    return f"coalesce({value.real}, toFloat64({value.whole}), toFloat64({value.positive}))"


def _timestamp(value: _Value) -> str:
    # Not simply NULL: beneath it the column would keep a time that drivers stumble over.
    moment = f"nullIf(if({value.long} BETWEEN {_MOMENTS}, {value.long}, {_NEVER}), {_NEVER})"
    return f"coalesce({_TIME_OF(value.text)}, fromUnixTimestamp64Milli({moment}, 'UTC'))"


def _json(value: _Value) -> str:
    return f"coalesce({value.json}, nullIf({value.nested}, '{{}}'))"


_TIME_OF: Final[Callable[[str], str]] = "parseDateTime64BestEffortOrNull({}, 3, 'UTC')".format
_DATE_OF: Final[Callable[[str], str]] = "toDate32OrNull({})".format
_DECIMAL_OF: Final[Callable[[str], str]] = "toDecimal128OrNull({}, 10)".format

_PLAIN: Final[Mapping[str, Callable[[_Value], str]]] = {
    "string": lambda value: value.words,
    "integer": lambda value: f"accurateCastOrNull({value.long}, 'Int32')",
    "long": lambda value: value.long,
    "double": _double,
    "decimal": lambda value: _DECIMAL_OF(value.words),
    "boolean": lambda value: value.boolean,
    "timestamp": _timestamp,
    "date": lambda value: _DATE_OF(value.text),
    "time": lambda value: value.text,
    "binary": lambda value: value.text,
}
_TYPES: Final = {
    "integer": "Int32",
    "long": "Int64",
    "double": "Float64",
    "decimal": "Decimal(38, 10)",
    "boolean": "Bool",
    "timestamp": "DateTime64(3, 'UTC')",
    "date": "Date32",
}
_OF_TEXT: Final = {"timestamp": _TIME_OF, "date": _DATE_OF, "decimal": _DECIMAL_OF}


def column_type(type_name: str) -> str:
    """Name the ClickHouse type of a property's column.

    integer is ``Nullable(Int32)``, long ``Nullable(Int64)``, double ``Nullable(Float64)``, decimal
    ``Nullable(Decimal(38, 10))``, boolean ``Nullable(Bool)``, timestamp
    ``Nullable(DateTime64(3, 'UTC'))``, date ``Nullable(Date32)``, ``array<T>``
    ``Array(Nullable(..))``, ``map<T>`` ``Map(String, Nullable(..))``. All others are
    ``Nullable(String)``: string, time and binary as they are, ``json`` as JSON text.
    """
    shape, inner = _parts(type_name)
    element = f"Nullable({_TYPES.get(inner, 'String')})"
    return {"array": f"Array({element})", "map": f"Map(String, {element})"}.get(shape, element)


def expression(name: str, type_name: str, properties: str) -> str:
    """Write the expression of a property's column, over a row of ``events``.

    Args:
        properties: the column that holds the properties, qualified.
    """
    value = _value(name, properties)
    if type_name in _PLAIN:
        return _PLAIN[type_name](value)
    shape, inner = _parts(type_name)
    if shape not in {"array", "map"}:
        return _json(value)
    text, convert = value.array if shape == "array" else value.mapping, _OF_TEXT.get(inner)
    if convert is None:
        return f"JSONExtract({text}, '{column_type(type_name)}')"
    if shape == "array":
        return f"arrayMap(x -> {convert('x')}, JSONExtract({text}, 'Array(Nullable(String))'))"
    texts = f"JSONExtract({text}, 'Map(String, Nullable(String))')"
    return f"mapApply((k, x) -> (k, {convert('x')}), {texts})"


def _parts(type_name: str) -> tuple[str, str]:
    """Part ``array<double>`` into the shape and what is in it; the shape of others is ""."""
    shape, bracket, inner = type_name.removesuffix(">").partition("<")
    return (shape, inner) if bracket and shape in {"array", "map"} else ("", type_name)
