"""Traits of one profile, while changes are applied to them one after the other."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from schemas import codec

MAX_TRAITS: Final = 2_000
"""Traits of one profile: beyond it, those that were changed last are kept."""
MAX_ITEMS: Final = 1_000
"""Items of a list that appending made: beyond it, the newest are kept."""
_WHOLE: Final = range(-(1 << 63), 1 << 64)
"""Whole numbers that JSON readers and columns hold."""


class Said(Protocol):
    """What an event says is to be done: see :class:`schemas.profiles.Change`."""

    @property
    def clear(self) -> bool:
        """Nothing at all is there any more."""

    @property
    def unset(self) -> tuple[str, ...]:
        """Names that are not there any more."""

    @property
    def set(self) -> Mapping[str, Any]:
        """Values, whatever was there."""

    @property
    def set_once(self) -> Mapping[str, Any]:
        """Values where there is none."""

    @property
    def increment(self) -> Mapping[str, Any]:
        """Numbers to add, nothing there counting as 0."""

    @property
    def append(self) -> Mapping[str, Any]:
        """Values, or lists of values, to add at the end of a list."""

    @property
    def prepend(self) -> Mapping[str, Any]:
        """The same at the front."""

    @property
    def union(self) -> Mapping[str, Any]:
        """The same at the end, but not what is in the list already."""


class Traits:
    """Values that keep the JSON type in which they came.

    A list begins where a value is appended; what was there as a single value becomes its first
    item. What cannot be done is noted and changes nothing.

    Attributes:
        notes: what could not be done, in words, the newest last.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self.notes: list[str] = []

    def apply(self, said: Said) -> None:
        """Do what one event says: clear, unset, set, set once, increment, append, prepend, union.

        Never raises, whatever the values are.
        """
        if said.clear:
            self._values.clear()
        for name in said.unset:
            self._values.pop(name, None)
        for name, value in said.set.items():
            self._put(name, value)
        for name, value in said.set_once.items():
            if self._values.get(name) is None:
                self._put(name, value)
        for name, amount in said.increment.items():
            self._add(name, amount)
        for name, value in said.append.items():
            self._list(name, [*_items(self._values.get(name)), *_items(value)][-MAX_ITEMS:])
        for name, value in said.prepend.items():
            self._list(name, [*_items(value), *_items(self._values.get(name))][:MAX_ITEMS])
        for name, value in said.union.items():
            items = _once([*_items(self._values.get(name)), *_items(value)])
            self._list(name, items[-MAX_ITEMS:])

    def settled(self) -> dict[str, Any]:
        """Give the traits by name, at most :data:`MAX_TRAITS`: those that were changed last."""
        values = self._values
        if len(values) > MAX_TRAITS:
            self.notes.append(f"traits: {len(values)}, the newest {MAX_TRAITS} are kept")
            values = dict(list(values.items())[-MAX_TRAITS:])
        return dict(sorted(values.items()))

    def _put(self, name: str, value: Any) -> None:
        self._values.pop(name, None)
        self._values[name] = value

    def _list(self, name: str, items: list[Any]) -> None:
        if len(items) == MAX_ITEMS:
            self.notes.append(f"list: {name!r} is cut to its newest {MAX_ITEMS} items")
        self._put(name, items)

    def _add(self, name: str, amount: Any) -> None:
        before = self._values.get(name)
        before = 0 if before is None else before
        if not _is_number(before):
            self.notes.append(f"increment: {name!r} is no number and stays as it is")
        elif not _is_number(amount) or not _fits(total := before + amount):
            self.notes.append(f"increment: {name!r} cannot grow by what was sent")
        else:
            self._put(name, total)


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _fits(total: float) -> bool:
    return math.isfinite(total) if type(total) is float else total in _WHOLE


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _once(items: Iterable[Any]) -> list[Any]:
    """Keep the first of equal items; 1, 1.0 and true are three."""
    first: dict[bytes, Any] = {}
    for item in items:
        first.setdefault(codec.dumps(item), item)
    return list(first.values())
