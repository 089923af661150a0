"""How a collection grows by what its events bring, and what has no room in it; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from schemas.catalog import MAX_COLLECTIONS, OVERFLOW, Catalog, Collection
from schemas.reading import COLUMN_KEYS, MAX_NAME

DAY_MS: Final = 86_400_000
MAX_PROPERTIES: Final = COLUMN_KEYS
"""Properties of one collection."""


@dataclass(slots=True)
class Wish:
    """What the events of one collection in one record bring.

    Attributes:
        properties: name -> type that the first value decides, or the one that is known.
        seen_at: edge clock of the newest of the events, Unix ms.
    """

    source_id: str
    name: str
    properties: dict[str, str] = field(default_factory=dict)
    seen_at: int = 0

    @property
    def key(self) -> bytes:
        """The key of the collection's record."""
        return Collection(self.source_id, self.name).key


def no_room(catalog: Catalog, source_id: str, name: str, given: str) -> str:
    """Tell why a property that a collection does not have cannot be added; "" when it can.

    Returns:
        ``collection-name-invalid``, ``too-many-collections``, ``property-name-invalid``,
        ``too-many-properties`` or "".
    """
    known = catalog.get(source_id, name)
    if known is None:
        if not name.strip() or len(name) > MAX_NAME:
            return "collection-name-invalid"
        if catalog.count(source_id) >= MAX_COLLECTIONS:
            return "too-many-collections"
    elif len(known.properties) >= MAX_PROPERTIES:
        return "too-many-properties"
    return "" if 0 < len(given) <= MAX_NAME and given != OVERFLOW else "property-name-invalid"


def grown(old: Collection, wish: Wish) -> Collection:
    """Add what is wished and not there, as far as there is room; note when all of it was seen.

    A property that is there keeps its type. Times change once a day, so that what is seen in
    every event is not written for every event. Nothing to change returns ``old`` itself.
    """
    properties = dict(old.properties)
    for name, kind in wish.properties.items():
        if name in properties or len(properties) < MAX_PROPERTIES:
            properties.setdefault(name, kind)
    seen = dict(old.seen)
    for name in wish.properties.keys() & properties.keys():
        first, last = seen.get(name, (wish.seen_at, 0))
        if day(last) < day(wish.seen_at):
            seen[name] = (min(first, wish.seen_at), wish.seen_at)
    if seen == old.seen and properties == old.properties:
        return old
    return replace(old.holding(properties), seen=seen)


def stale(collection: Collection, seen_at: int) -> Iterable[str]:
    """Give the properties that were not yet seen on the day of a moment (Unix ms)."""
    today = day(seen_at)
    seen: Mapping[str, tuple[int, int]] = collection.seen
    return [name for name in collection.properties if day(seen.get(name, (0, 0))[1]) < today]


def day(ms: int) -> int:
    """Number the days of Unix time."""
    return ms // DAY_MS
