"""What is known of every collection: its properties and their types, folded from a topic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.events import Event
from schemas.reading import COLUMN_KEYS, MAX_NAME
from schemas.types import JSON, PLAIN, infer, is_type, widens

MAX_COLLECTIONS: Final = 2_000
"""Collections of one source."""
OVERFLOW: Final = "_overflow"
"""The property that holds, as an object, what has no room or no name in its collection."""
_NO_COLLECTION: Final = frozenset({"identify", "alias", "group"})
"""Kinds of events whose properties are a user's or a group's."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of a source: all events of one type.

    Attributes:
        name: the events' ``event_type``.
        properties: name -> type, in the order in which they came up; a type is a name such as
            ``string``, ``double``, ``boolean``, ``timestamp``, ``date``, ``array<double>``,
            ``json``, see :mod:`schemas.types`.
        version: rises with every change of ``properties``.
        seen: property -> when it was first and last seen, edge clock, Unix ms; "last" is exact
            to the day. What was only declared is not in it.
        validations: name -> JSON Schema that the events' properties are held against, see
            :mod:`schemas.validations`.
    """

    source_id: str
    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    validations: Mapping[str, Any] = field(default_factory=dict)

    def holding(self, properties: Mapping[str, str]) -> "Collection":
        """Hold these properties instead."""
        if properties == self.properties:
            return self
        return replace(self, properties=properties, version=self.version + 1)

    def as_record(self) -> bytes:
        """The value kept in the schemas topic."""
        return codec.dumps(self)

    @property
    def key(self) -> bytes:
        """The key of that record."""
        return f"{self.source_id}\x00{self.name}".encode("utf-8", "surrogatepass")


def read(value: bytes) -> Collection:
    """Inverse of :meth:`Collection.as_record`.

    Raises:
        Malformed: ``json-invalid`` or ``collection-invalid``.
    """
    record: Any = codec.loads(value)
    if isinstance(record, Mapping):
        source_id, name = record.get("source_id"), record.get("name")
        properties = record.get("properties")
        if isinstance(source_id, str) and isinstance(name, str) and isinstance(properties, dict):
            version, seen = record.get("version", 0), record.get("seen", {})
            seen = {each: (first, last) for each, (first, last) in seen.items()}
            validations = record.get("validations", {})
            return Collection(source_id, name, properties, version, seen, validations)
    raise Malformed("collection-invalid", "a collection has source_id, name and properties")


def extended(collection: Collection, properties: Mapping[str, Any]) -> Collection:
    """Add properties to a collection, or widen the types that it has.

    Raises:
        Malformed: ``collection-invalid``, or ``schema-conflict`` (409) where a property has
            another type already, whose values the new one would lose.
    """
    for name, wanted in properties.items():
        if not name or len(name) > MAX_NAME:
            raise _wrong(f"a property's name has 1 to {MAX_NAME} characters")
        if name == OVERFLOW:
            raise _wrong(f"{OVERFLOW} is where values go that no other property takes")
        if not is_type(wanted):
            plain = ", ".join((*PLAIN, JSON))
            raise _wrong(f"the type of {name!r} must be array<...>, map<...> or one of {plain}")
        known = collection.properties.get(name, wanted)
        if not widens(known, wanted):
            raise Malformed(
                "schema-conflict",
                f"property {name!r} of {collection.name!r} is {known} already, not {wanted}",
                status=409,
                where=("properties", name),
            )
    if not collection.name.strip() or len(collection.name) > MAX_NAME:
        raise _wrong(f"a collection's name has 1 to {MAX_NAME} characters")
    grown = {**collection.properties, **properties}
    if len(grown) > COLUMN_KEYS:
        raise _wrong(f"a collection has at most {COLUMN_KEYS} properties")
    return collection.holding(grown)


def _wrong(message: str) -> Malformed:
    return Malformed("collection-invalid", message)


def has_collection(event: Event) -> bool:
    """Tell whether an event's properties are those of a collection, not of a user or group."""
    return event.kind not in _NO_COLLECTION


class Catalog:
    """All collections of all sources."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Collection]] = {}

    def of(self, source_id: str) -> tuple[Collection, ...]:
        """All collections of a source, by name."""
        found = self._of.get(source_id, {})
        return tuple(found[name] for name in sorted(found))

    def get(self, source_id: str, name: str) -> Collection | None:
        """Find one collection."""
        return self._of.get(source_id, {}).get(name)

    def put(self, collection: Collection) -> None:
        """Add or replace a collection."""
        self._of.setdefault(collection.source_id, {})[collection.name] = collection

    def remove(self, key: bytes) -> None:
        """Forget the collection of a record's key."""
        source_id, _, name = key.decode("utf-8", "surrogatepass").partition("\x00")
        self._of.get(source_id, {}).pop(name, None)

    def count(self, source_id: str) -> int:
        """Count a source's collections."""
        return len(self._of.get(source_id, ()))

    def admit(self, source_id: str, event: Event) -> None:
        """Hold an event against a frozen schema; one about a user or group is no collection's.

        Raises:
            Malformed: ``schema-frozen``.
        """
        if has_collection(event):
            self.check(source_id, event.event_type, event.properties)

    def lacks(self, source_id: str, event: Event) -> dict[str, str] | None:
        """Give the types of an event's properties that are new; None when it adds nothing."""
        if not has_collection(event):
            return None
        known = self.get(source_id, event.event_type)
        types: dict[str, str] = {}
        for name in event.properties.keys() - (known.properties if known else {}):
            kind = infer(event.properties[name], flat=event.flat)
            if kind is not None:
                types[name] = kind
        return types if types or known is None else None

    def check(self, source_id: str, name: str, properties: Iterable[str]) -> None:
        """Hold an event against a frozen schema.

        Raises:
            Malformed: ``schema-frozen`` names what is not in it.
        """
        known = self.get(source_id, name)
        if known is None:
            raise Malformed(
                "schema-frozen",
                f"collection {name!r} is new and the schema of source {source_id} is frozen: "
                "add it with an admin key first",
                where=("body", "collection"),
            )
        for given in properties:
            if given not in known.properties:
                raise Malformed(
                    "schema-frozen",
                    f"Schema is invalid: property {given!r} of {name!r} is new and the schema of "
                    f"source {source_id} is frozen: add it with an admin key first",
                    where=("body", "properties", given),
                )
