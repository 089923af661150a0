"""What is remembered, partition by partition, and how it stands to the changelog.

A partition's state is what its changelog says, and what was changed since. The changelog is
written by :mod:`processors.outbox`, so a shelf is told when that is safe. A shelf that outlives
its process holds nothing that the changelog does not: an event that is read again meets the same
state on this worker as on any other.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from processors.pack import Items


class Kept(Protocol):
    """Key -> state of one partition, for the work on its events."""

    def get(self, key: bytes, /) -> bytes | None:
        """Look a state up, None where there is none."""

    def __setitem__(self, key: bytes, state: bytes, /) -> None:
        """Change a state; the changelog need not know of it yet."""

    def __delitem__(self, key: bytes, /) -> None:
        """Forget a state."""


class Shelf(Kept, Protocol):
    """The state of one partition."""

    @property
    def offset(self) -> int:
        """Offset of the last record of the changelog that it holds, -1 for none."""

    def items(self, keys: Iterable[bytes], /) -> Items:
        """Tell what the changelog must learn of these keys, now; None is a tombstone."""

    def landed(self, items: Items, offset: int, /) -> None:
        """Learn that the changelog has what :meth:`items` gave, up to this offset."""

    def restore(self, items: Items, offset: int, /) -> None:
        """Take what the changelog says, up to this offset."""

    def overdue(self) -> Collection[bytes]:
        """Keys that the changelog must learn of, for there is no room to wait any longer."""

    def walk(self) -> Iterator[tuple[bytes, bytes]]:
        """Go through the states a few at a time, whatever changes meanwhile."""

    def close(self) -> None:
        """Let go of files; what is under way may still ask for its items."""


class MemoryShelf:
    """A shelf that is read from the changelog anew whenever its partition comes."""

    def __init__(self) -> None:
        self._states: dict[bytes, bytes] = {}
        self.offset = -1

    def get(self, key: bytes) -> bytes | None:
        """Look a state up."""
        return self._states.get(key)

    def __setitem__(self, key: bytes, state: bytes) -> None:
        self._states[key] = state

    def __delitem__(self, key: bytes) -> None:
        self._states.pop(key, None)

    def items(self, keys: Iterable[bytes]) -> Items:
        """Tell the present states."""
        return [(key, self._states.get(key)) for key in keys]

    def landed(self, items: Items, offset: int) -> None:  # noqa: ARG002 - they are here already
        """Remember from where to read on."""
        self.offset = max(self.offset, offset)

    def restore(self, items: Items, offset: int) -> None:
        """Take what the changelog says."""
        for key, state in items:
            if key is None:
                continue
            if state is None:
                self._states.pop(key, None)
            else:
                self._states[key] = state
        self.offset = max(self.offset, offset)

    def overdue(self) -> Collection[bytes]:
        """Nothing: all of it is in memory anyway."""
        return ()

    def walk(self) -> Iterator[tuple[bytes, bytes]]:
        """Go through what was there at the beginning and still is."""
        for key in list(self._states):
            state = self._states.get(key)
            if state is not None:
                yield key, state

    def close(self) -> None:
        """Nothing to let go of."""
