"""An event's properties as its collection has them; what will not fit is noted beside them."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from schemas import codec
from schemas.catalog import OVERFLOW, Catalog, Collection
from schemas.growing import DAY_MS, day, no_room, stale
from schemas.reading import COLUMN_KEYS
from schemas.types import AS_IT_IS, coerce, infer, surely

Note = dict[str, str]
"""An element of the column ``invalid_values``: ``field``, ``wanted``, ``value``, ``reason``."""
NOT_CASTABLE: Final = "not-castable"
UNDECIDED: Final = "undecided"
_NULL: Final = frozenset({type(None)})
_NEVER: Final[frozenset[type]] = frozenset()
_MOST_PLANS: Final = 64
"""Kept per collection; the next one begins anew."""


class Plan(NamedTuple):
    """What to do with events that have the same properties of the same classes.

    Attributes:
        fresh: nothing has to be decided or written about them.
        odd: the properties that have to be looked at.
    """

    fresh: bool
    odd: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A collection, ready to look at many events.

    Attributes:
        until: Unix ms from which its properties count as not seen yet on that day.
        fresh: properties about which nothing has to be decided or written.
        fits: property -> classes of values that fit without a look at them.
        tests: property -> a quick test that only what fits passes, see
            :func:`schemas.types.surely`.
    """

    collection: Collection
    until: int
    fresh: frozenset[str]
    fits: Mapping[str, frozenset[type]]
    tests: Mapping[str, Callable[[Any], bool]]
    plans: dict[tuple[Any, ...], Plan] = field(default_factory=dict)

    def plan(self, properties: Mapping[str, Any]) -> Plan:
        """Say what to do with an event, once for all that are like it."""
        key = (*properties, *map(type, properties.values()))
        plan = self.plans.get(key)
        if plan is None:
            if len(self.plans) >= _MOST_PLANS:
                self.plans.clear()
            fits = self.fits
            odd = (
                name
                for name, value in properties.items()
                if type(value) not in fits.get(name, _NEVER)
            )
            plan = self.plans[key] = Plan(properties.keys() <= self.fresh, tuple(odd))
        return plan

    def unfit(self, plan: Plan, properties: Mapping[str, Any]) -> list[str]:
        """Name the properties that :func:`conform` has to see to."""
        tests = self.tests
        return [
            name
            for name in plan.odd
            if (test := tests.get(name)) is None or not test(properties[name])
        ]


def shape_of(collection: Collection, received_at: int) -> Shape:
    """Prepare a collection for events of a day (edge clock, Unix ms)."""
    known = collection.properties
    fits = {name: AS_IT_IS.get(kind, _NULL) for name, kind in known.items()}
    tests = {name: test for name, kind in known.items() if (test := surely(kind)) is not None}
    fresh = frozenset(known.keys() - stale(collection, received_at))
    return Shape(collection, (day(received_at) + 1) * DAY_MS, fresh, fits, tests)


class Shapes:
    """The shapes of the collections as they are known now, each made once."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], Shape] = {}

    def find(self, catalog: Catalog, source_id: str, name: str, received_at: int) -> Shape:
        """Give the shape of a collection; an unknown one has no properties."""
        known = catalog.get(source_id, name)
        shape = self._of.get((source_id, name))
        if shape is not None and shape.collection is known and received_at < shape.until:
            return shape
        if known is None:
            self._of.pop((source_id, name), None)
            return shape_of(Collection(source_id, name), received_at)
        shape = self._of[source_id, name] = shape_of(known, received_at)
        return shape


def wished(
    shape: Shape,
    properties: Mapping[str, Any],
    catalog: Catalog,
    *,
    flat: bool,
    frozen: bool,
    unwieldy: Container[str] = (),
) -> dict[str, str]:
    """Give what an event brings that has to be decided, or was not yet seen today.

    Args:
        flat: see :func:`schemas.types.infer`.
        frozen: nothing may be added.
        unwieldy: properties that decide nothing.
    """
    found: dict[str, str] = {}
    collection = shape.collection
    for name, value in properties.items():
        if name in shape.fresh or value is None or name in unwieldy:
            continue
        kind = collection.properties.get(name)
        if kind is None and not frozen:
            kind = infer(value, flat=flat)
            if no_room(catalog, collection.source_id, collection.name, name):
                continue
        if kind is not None:
            found[name] = kind
    return found


def conform(
    shape: Shape,
    properties: Mapping[str, Any],
    odd: Iterable[str],
    reason: Callable[[str], str],
    *,
    keeps: bool,
    unwieldy: Container[str] = (),
) -> tuple[dict[str, Any], list[Note]]:
    """Cast what is not of its property's type; nothing is lost that is not noted or kept apart.

    A value that decides no type (null, [], {}) stays where there is no type.

    Args:
        odd: from :meth:`Shape.unfit`.
        reason: why a property has no type; it goes into the overflow.
        keeps: what does not fit as a whole stays as it is, and its typed column is empty; else
            what does not fit is left out.
        unwieldy: what goes into the overflow as text, since no column takes it.

    Returns:
        The properties, and what did not fit them.
    """
    kept = dict(properties)
    notes: list[Note] = []
    apart: dict[str, Any] = {}
    for name in odd:
        value = kept[name]
        kind = shape.collection.properties.get(name)
        if name in unwieldy:
            apart[name] = codec.dumps(kept.pop(name)).decode()
            continue
        if kind is None:
            if infer(value) is not None:
                apart[name] = kept.pop(name)
            continue
        found, whole = coerce(kind, value)
        if not whole:
            notes.append(_note(name, kind, value, NOT_CASTABLE))
            if keeps:
                continue
        if found is None:
            del kept[name]
        elif found is not value:
            kept[name] = found
    if apart:
        kept[OVERFLOW] = apart if len(apart) <= COLUMN_KEYS else codec.dumps(apart).decode()
        notes += _overflowing(apart, reason)
    return kept, notes


def _overflowing(apart: Mapping[str, Any], reason: Callable[[str], str]) -> list[Note]:
    """Say once per reason which properties are in the overflow."""
    names: dict[str, list[str]] = {}
    for name in apart:
        names.setdefault(reason(name), []).append(name)
    return [_note(OVERFLOW, "", names[why], why) for why in names]


def _note(field: str, wanted: str, value: Any, reason: str) -> Note:
    text = codec.dumps(value).decode()
    return {"field": field, "wanted": wanted, "value": text, "reason": reason}
