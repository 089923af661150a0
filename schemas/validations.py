"""JSON Schemas that events are held against: what of them may be declared; pure.

A schema is JSON Schema 2020-12 (https://json-schema.org/draft/2020-12) and stands alone: nothing
that it names is fetched. Compiling one is for :mod:`processors.steps.validate`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from schemas import codec
from schemas.catalog import Collection
from schemas.errors import Malformed
from schemas.reading import COLUMN_DEPTH, COLUMN_KEYS, beyond

MAX_BYTES: Final = 32 << 10
"""One schema as compact JSON in UTF-8."""
MAX_OF_TYPE: Final = 10
"""Validations of one event type."""
MAX_OF_SOURCE: Final = 200
"""Validations of one source."""
MAX_WEIGHT: Final = 4_000
"""Keywords and values of one schema, every reference followed wherever it stands."""
MAX_HOPS: Final = 64
"""References one behind the other."""
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_NAME: Final = re.compile(NAME)
_ONE: Final = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_SEVERAL: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED: Final = frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"})
_DYNAMIC: Final = frozenset({"$dynamicRef", "$recursiveRef"})

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """A schema that the properties of all events of a type are held against.

    Attributes:
        name: the only one of its name in its source; it stands in the errors of events.
    """

    event_type: str
    name: str
    schema: Any


@dataclass(frozen=True, slots=True)
class Weight:
    """What it costs to hold a value against a schema.

    Attributes:
        of: its keywords and values, every reference followed.
        recursive: its references go in a circle, so ``of`` counts one round.
    """

    of: int
    recursive: bool


def of_source(collections: Iterable[Collection]) -> tuple[Validation, ...]:
    """List the validations of a source's collections, by event type and name."""
    return tuple(
        Validation(each.name, name, each.validations[name])
        for each in collections
        for name in sorted(each.validations)
    )


def added(
    collection: Collection, validation: Validation, others: Iterable[Validation]
) -> Collection:
    """Add a validation to its collection, in place of the one of its name.

    Args:
        others: all validations of the source.

    Raises:
        Malformed: ``validation-exists`` (409) where another event type has one of this name,
            ``too-many-validations`` (409).
    """
    replaced = collection.name, validation.name
    others = [each for each in others if (each.event_type, each.name) != replaced]
    for taken in others:
        if taken.name != validation.name:
            continue
        raise Malformed(
            "validation-exists",
            f"{taken.name!r} is a validation of {taken.event_type!r} already: take another name",
            status=409,
            where=("name",),
        )
    of_type = sum(each.event_type == collection.name for each in others)
    if of_type >= MAX_OF_TYPE or len(others) >= MAX_OF_SOURCE:
        raise Malformed(
            "too-many-validations",
            f"an event type has at most {MAX_OF_TYPE} validations, a source {MAX_OF_SOURCE}: "
            "remove one, or join schemas with allOf",
            status=409,
        )
    return replace(
        collection, validations={**collection.validations, validation.name: validation.schema}
    )


def without(collection: Collection, name: str) -> Collection:
    """Take a validation away; Malformed ``validation-unknown`` (404) where it is not."""
    if name not in collection.validations:
        raise unknown(name)
    kept = {each: schema for each, schema in collection.validations.items() if each != name}
    return replace(collection, validations=kept)


def unknown(name: str) -> Malformed:
    """Say that there is no such validation."""
    return Malformed(
        "validation-unknown", f"the source has no validation {name[:64]!r}", status=404
    )


def checked_name(name: Any) -> str:
    """Take the name of a validation; Malformed ``validation-invalid`` otherwise."""
    if type(name) is str and _NAME.fullmatch(name):
        return name
    raise Malformed(
        "validation-invalid",
        "a name has 1 to 64 letters, digits, '_', '-' and '.', a letter or digit being the first",
        where=("name",),
    )


def weighed(schema: Any) -> Weight:
    """Hold a schema against the limits, and tell what it costs. Its keywords are not looked at.

    Raises:
        Malformed: ``schema-invalid``, with a JSON pointer into the schema; ``json-too-deep`` or
            ``too-many-keys``.
    """
    if type(schema) is not dict and type(schema) is not bool:
        raise refused((), "a schema is a JSON object, or true or false")
    if len(codec.dumps(schema)) > MAX_BYTES:
        raise refused((), f"a schema has at most {MAX_BYTES} bytes")
    if code := beyond(schema, COLUMN_DEPTH, COLUMN_KEYS):
        limits = f"at most {COLUMN_DEPTH} deep, with {COLUMN_KEYS} keys to an object"
        raise Malformed(code, f"a schema is {limits}", where=("schema",))
    scale = _Scale(schema)
    of = scale.weigh(schema, (), 0)
    return Weight(of, scale.recursive)


def pointer(path: Iterable[str | int]) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def refused(path: Path, message: str) -> Malformed:
    """Say what is wrong with a schema, and where in it."""
    place = f"at {pointer(path)[:512]} of the schema: " if path else ""
    return Malformed("schema-invalid", f"{place}{message}", where=("schema", *path))


class _Scale:
    """Weighs one schema; each part of it is weighed once, however often it is referred to."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[int, int] = {}
        self._open: set[int] = set()
        self.recursive = False

    def weigh(self, schema: Any, path: Path, hops: int) -> int:
        if type(schema) is not dict:
            return 1
        this = id(schema)
        if this in self._open:
            self.recursive = True
            return 1
        if this not in self._known:
            self._open.add(this)
            self._known[this] = self._summed(schema, path, hops)
            self._open.discard(this)
        return self._known[this]

    def _summed(self, schema: Mapping[str, Any], path: Path, hops: int) -> int:
        total = 1
        for keyword, value in schema.items():
            here = (*path, keyword)
            total += 1
            if keyword == "$ref":
                total += self._followed(value, here, hops)
            elif _is_out_of_place(keyword, value, path):
                raise refused(here, _why(keyword))
            else:
                parts = list(_parts(keyword, value, here))
                total += sum(self.weigh(part, at, hops) for part, at in parts)
                if not parts and isinstance(value, list | dict):
                    total += len(value)
            if total > MAX_WEIGHT:
                raise refused(
                    (),
                    f"with its references followed the schema has more than {MAX_WEIGHT} keywords "
                    "and values",
                )
        return total

    def _followed(self, reference: Any, here: Path, hops: int) -> int:
        if type(reference) is not str:
            raise refused(here, "a reference is a text")
        if not reference.startswith("#"):
            raise refused(
                here, "nothing is fetched: put it under $defs and refer to it with #/$defs/..."
            )
        if hops >= MAX_HOPS:
            raise refused((), f"more than {MAX_HOPS} references one behind the other")
        fragment = unquote(reference[1:])
        target = (
            self._pointed(fragment, here)
            if fragment.startswith("/") or not fragment
            else self._anchored(fragment, here)
        )
        return self.weigh(target, here, hops + 1)

    def _pointed(self, fragment: str, here: Path) -> Any:
        found = self._root
        for escaped in fragment.split("/")[1:]:
            step = escaped.replace("~1", "/").replace("~0", "~")
            if type(found) is dict and step in found:
                found = found[step]
            elif (
                type(found) is list and step.isascii() and step.isdigit() and int(step) < len(found)
            ):
                found = found[int(step)]
            else:
                raise refused(here, "it refers to nothing in this schema")
        return found

    def _anchored(self, name: str, here: Path) -> Any:
        for part in _containers(self._root):
            if type(part) is dict and part.get("$anchor") == name:
                return part
        raise refused(here, "it refers to nothing in this schema")


def _is_out_of_place(keyword: str, value: Any, path: Path) -> bool:
    if keyword == "$schema":
        return type(value) is str and value.removesuffix("#") != DIALECT
    return keyword in _DYNAMIC or (keyword == "$id" and bool(path))


def _why(keyword: str) -> str:
    if keyword == "$schema":
        return f"schemas here are those of {DIALECT}"
    if keyword == "$id":
        return "only the whole schema has an $id; name parts with $anchor or under $defs"
    return "refer with $ref"


def _parts(keyword: str, value: Any, here: Path) -> Iterator[tuple[Any, Path]]:
    """Give the schemas that a keyword holds."""
    if keyword in _ONE:
        yield value, here
    elif keyword in _SEVERAL and type(value) is list:
        for index, each in enumerate(value):
            yield each, (*here, index)
    elif keyword in _NAMED and type(value) is dict:
        for name, each in value.items():
            yield each, (*here, name)


def _containers(value: Any) -> Iterator[Any]:
    left = [value]
    while left:
        part = left.pop()
        if type(part) is dict or type(part) is list:
            yield part
            left.extend(part.values() if type(part) is dict else part)
