"""A field of a question -> SQL expressions of each kind that its values may be of. Pure."""

from collections.abc import Callable
from typing import Any, Final

from schemas.query import TIMES, Field, Property

_NO_NAME: Final = frozenset({*"\\'`\x7f", *map(chr, range(32))})
"""Characters that a parameter of type Identifier does not carry unharmed over HTTP."""


class View:
    """A field as SQL of each kind; a kind that the field is not of is NULL.

    Attributes:
        present: condition that there is a value.
        json: its JSON text.
        text, number, boolean: the value when it is of this kind.
    """

    __slots__ = ("boolean", "json", "number", "present", "text")

    def __init__(self, present: str, json: str, **kinds: str) -> None:
        self.present = present
        self.json = json
        self.text = kinds.get("text", "CAST(NULL, 'Nullable(String)')")
        self.number = kinds.get("number", "CAST(NULL, 'Nullable(Float64)')")
        self.boolean = kinds.get("boolean", "CAST(NULL, 'Nullable(Bool)')")


def _dynamic(value: str) -> View:
    whole, positive, real, text, boolean = (
        f"dynamicElement({value}, '{kind}')"
        for kind in ("Int64", "UInt64", "Float64", "String", "Bool")
    )
    number = f"coalesce({real}, toFloat64({whole}), toFloat64({positive}))"
    json = f"toJSONString({value})"
    return View(f"({value} IS NOT NULL)", json, text=text, number=number, boolean=boolean)


def _word(column: str) -> View:
    """A column of text, in which "" stands for no value."""
    value = f"nullIf(toString(e.{column}), '')"
    return View(f"({value} IS NOT NULL)", f"toJSONString({value})", text=value)


def _moment(column: str) -> View:
    value = f"toFloat64(toUnixTimestamp64Milli(e.{column}))"
    return View("true", f"toString(toUnixTimestamp64Milli(e.{column}))", number=value)


def view_of(add: Callable[[Any, str], str], field: Field) -> View:
    """Write a field; ``add`` takes a value and its ClickHouse type and gives a parameter."""
    if not isinstance(field, Property):
        return _moment(field) if field in TIMES else _word(field)
    if _NO_NAME.isdisjoint(field.path):
        # As an identifier only this path of the column is read; getSubcolumn reads it whole.
        return _dynamic(f"e.properties.{add(field.path, 'Identifier')}")
    return _dynamic(f"getSubcolumn(e.properties, {add(field.path, 'String')})")
