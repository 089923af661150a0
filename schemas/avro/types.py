"""Avro's types: a schema -> a reader of its values, which goes no deeper than it may."""

import math
import struct
from collections.abc import Callable
from typing import Any, Final

from schemas.avro.logical import meaning_of
from schemas.avro.source import Source, invalid
from schemas.errors import Malformed
from schemas.reading import MAX_DEPTH

_FLOAT: Final = struct.Struct("<f")
_DOUBLE: Final = struct.Struct("<d")


Reader = Callable[[Source, int], Any]
"""Reads one value, given how deep in others it is."""


def reader_of(schema: Any) -> Reader:
    """Make the reader of a schema's values.

    Raises:
        Malformed: ``avro-invalid`` or ``json-too-deep``; the reader raises the same.
    """
    return _Types().reader(schema, "", 0)


class _Types:
    """The named types of one schema, and what is made of them."""

    def __init__(self) -> None:
        self._named: dict[str, Reader] = {}

    def reader(self, schema: Any, space: str, depth: int) -> Reader:
        if depth > MAX_DEPTH:
            raise _too_deep()
        if type(schema) is list:
            return _union([self.reader(branch, space, depth + 1) for branch in schema])
        if type(schema) is str:
            return self._known(schema, space)
        if type(schema) is not dict:
            raise invalid("a type is a name, an object or a list")
        kind = schema.get("type")
        if type(kind) is not str:
            return self.reader(kind, space, depth + 1)
        return self._complex(kind, schema, space, depth)

    def _known(self, name: str, space: str) -> Reader:
        plain = _PLAIN.get(name)
        if plain is not None:
            return plain
        full = name if "." in name or not space else f"{space}.{name}"
        if full not in self._named and name not in self._named:
            raise invalid(f"the schema knows no type {name[:80]!r}")
        chosen = full if full in self._named else name
        return self._named[chosen]

    def _complex(self, kind: str, schema: dict[str, Any], space: str, depth: int) -> Reader:
        if kind in {"record", "error"}:
            return self._record(schema, space, depth)
        if kind == "array":
            return _array(self.reader(schema.get("items"), space, depth + 1))
        if kind == "map":
            return _map(self.reader(schema.get("values"), space, depth + 1))
        if kind == "enum":
            return self._name(schema, space, _enum(schema.get("symbols")))
        if kind == "fixed":
            return self._name(schema, space, _logical(schema, _fixed(schema.get("size"))))
        return _logical(schema, self._known(kind, space))

    def _record(self, schema: dict[str, Any], space: str, depth: int) -> Reader:
        fields = schema.get("fields")
        if type(fields) is not list:
            raise invalid("a record has a list of fields")
        readers: list[tuple[str, Reader]] = []

        def read(source: Source, depth: int) -> Any:
            _go(source, depth)
            return {name: reader(source, depth + 1) for name, reader in readers}

        self._name(schema, space, read)  # before its fields, which may be of this very type
        inner = _space_of(schema, space)
        for field in fields:
            if type(field) is not dict or type(field.get("name")) is not str:
                raise invalid("a field has a name and a type")
            readers.append((field["name"], self.reader(field.get("type"), inner, depth + 1)))
        return read

    def _name(self, schema: dict[str, Any], space: str, reader: Reader) -> Reader:
        name = schema.get("name")
        if type(name) is not str or not name:
            raise invalid("records, enums and fixed types have a name")
        inner = _space_of(schema, space)
        self._named[name if "." in name or not inner else f"{inner}.{name}"] = reader
        return reader


def _space_of(schema: dict[str, Any], space: str) -> str:
    head, dot, _ = schema["name"].rpartition(".")
    given = schema.get("namespace")
    return head if dot else given if type(given) is str else space


def _go(source: Source, depth: int) -> None:
    source.spend()
    if depth > MAX_DEPTH:
        raise _too_deep()


def _too_deep() -> Malformed:
    return Malformed("json-too-deep", f"nest values at most {MAX_DEPTH} deep", where=("body",))


def _leaf(read: Callable[[Source], Any]) -> Reader:
    def leaf(source: Source, depth: int) -> Any:  # noqa: ARG001 - a leaf is not deep
        source.spend()
        return read(source)

    return leaf


def _union(branches: list[Reader]) -> Reader:
    def read(source: Source, depth: int) -> Any:
        chosen = source.long()
        if not 0 <= chosen < len(branches):
            raise invalid("a union has no such branch")
        return branches[chosen](source, depth)

    return read


def _blocks(source: Source) -> int:
    """How many items come next; 0 at the end."""
    count = source.long()
    if count < 0:
        source.long()  # the block's size in bytes, for those who skip it
    return abs(count)


def _array(item: Reader) -> Reader:
    def read(source: Source, depth: int) -> Any:
        _go(source, depth)
        items: list[Any] = []
        while count := _blocks(source):
            for _ in range(count):
                source.spend()
                items.append(item(source, depth + 1))
        return items

    return read


def _map(value: Reader) -> Reader:
    def read(source: Source, depth: int) -> Any:
        _go(source, depth)
        found: dict[str, Any] = {}
        while count := _blocks(source):
            for _ in range(count):
                name = source.text()
                found[name] = value(source, depth + 1)
        return found

    return read


def _enum(symbols: Any) -> Reader:
    if type(symbols) is not list or not all(type(symbol) is str for symbol in symbols):
        raise invalid("an enum has a list of symbols")

    def read(source: Source) -> Any:
        chosen = source.long()
        if not 0 <= chosen < len(symbols):
            raise invalid("an enum has no such symbol")
        return symbols[chosen]

    return _leaf(read)


def _fixed(size: Any) -> Reader:
    if type(size) is not int or size < 0:
        raise invalid("a fixed type has a size")
    return _leaf(lambda source: source.take(size).decode("latin-1"))


def _logical(schema: dict[str, Any], plain: Reader) -> Reader:
    meaning = meaning_of(schema)
    if meaning is None:
        return plain
    return lambda source, depth: meaning(plain(source, depth))


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


_PLAIN: Final[dict[str, Reader]] = {
    "null": _leaf(lambda source: None),  # noqa: ARG005
    "boolean": _leaf(lambda source: source.take(1) != b"\x00"),
    "int": _leaf(Source.long),
    "long": _leaf(Source.long),
    "float": _leaf(lambda source: _number(_FLOAT.unpack(source.take(4))[0])),
    "double": _leaf(lambda source: _number(_DOUBLE.unpack(source.take(8))[0])),
    "bytes": _leaf(lambda source: source.take(source.long()).decode("latin-1")),
    "string": _leaf(Source.text),
}
