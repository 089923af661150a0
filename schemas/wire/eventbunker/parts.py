"""The parts that EventBunker's queries are made of: names, values, lists."""

from collections.abc import Mapping
from typing import Any, Final, cast

from schemas import times
from schemas.errors import Malformed
from schemas.query import TIMES, Field, Property, Scalar
from schemas.reading import MAX_ID, MAX_NAME, JsonObject, Where, required, spell
from schemas.wire.eventbunker.names import DERIVED_FIELDS, OWN_FIELDS

MOST: Final[Mapping[str, int]] = {
    "group_by": 10,
    "computations": 20,
    "filters": 50,
    "order_by": 10,
    "value": 500,
}
"""Items of each list."""


def plain(value: Any, where: Where) -> str:
    """Take a text as it is, for blanks are part of a field's name; Malformed otherwise."""
    if type(value) is not str:
        raise Malformed("string-type", f"{spell(where)} must be a string", where=where)
    return value


def items(holder: JsonObject, name: str, where: Where) -> list[Any]:
    """Take an array of at most :data:`MOST` items, none when it is not there."""
    where = (*where, name)
    found = holder.get(name)
    if found is None:
        return []
    if type(found) is not list:
        raise Malformed("list-type", f"{spell(where)} must be an array", where=where)
    if len(found) > MOST[name]:
        message = f"{spell(where)} holds at most {MOST[name]} items"
        raise Malformed("too-many-items", message, where=where)
    return found


def only(given: JsonObject, known: tuple[str, ...], where: Where) -> None:
    """Refuse fields that have no meaning: one that is ignored would change the answer."""
    for name in given:
        if name not in known:
            message = f"'{name[:MAX_NAME]}' is none of {', '.join(known)}"
            raise Malformed("field-unknown", f"{spell(where)}: {message}", where=where)


def field_of(value: Any, where: Where) -> tuple[str, Field]:
    """Take a field's name; give it and the field that it names."""
    name = plain(value, where)
    if not 0 < len(name) <= MAX_NAME or "^`" in name or ":`" in name:
        message = f"{spell(where)} must be a field's name of 1 to {MAX_NAME} characters"
        raise Malformed("field-invalid", message, where=where)
    return name, OWN_FIELDS.get(name) or DERIVED_FIELDS.get(name) or Property(name)


def named_field(item: JsonObject, where: Where) -> tuple[str, Field]:
    """Take the field that ``field_name`` names."""
    return field_of(required(item, "field_name", where), (*where, "field_name"))


def value_of(value: Any, field: Field, where: Where) -> Scalar:
    """Take a value to compare with; of a time its Unix ms."""
    if type(value) in {dict, list}:
        message = f"{spell(where)} must be a string, number, boolean or null"
        raise Malformed("value-invalid", message, where=where)
    if type(value) is str and len(value) > MAX_ID:
        message = f"{spell(where)} is longer than {MAX_ID} characters"
        raise Malformed("string-too-long", message, where=where)
    if field in TIMES and type(value) is str:
        found = times.from_date(value)
        if found is None:
            message = f"{spell(where)} is no date that JavaScript can parse"
            raise Malformed("datetime-parsing", message, where=where)
        return found
    return cast("Scalar", value)
