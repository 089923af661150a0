"""Immutable values that are made for every event."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a slotted dataclass that the type checker keeps frozen, and nobody at run time.

    A frozen dataclass sets each field through ``object.__setattr__``: one of 15 fields takes
    six times as long to make. A class that wants :func:`dataclasses.replace` and the like to
    know it for a dataclass declares ``__dataclass_fields__`` itself.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
