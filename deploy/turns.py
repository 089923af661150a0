"""Whose record counts when several processes write the same key; pure, decided from the log alone.

A compacted topic has no compare-and-set, so every record carries, in a header, the last offset
that its writer had read. A record that was written without knowledge of the one before it does
not count: every reader passes over it, for all of them see the same log, and its writer does its
work anew on top of what it had missed. A record without the header always counts.
"""

from collections import deque
from typing import Final

HEADER: Final = "headrace-read-to"
_ALL: Final = " all"
_REMEMBERED: Final = 10_000


class Turns:
    """Follows one partition.

    Attributes:
        read_to: offset of the last record, -1 for none.
    """

    def __init__(self) -> None:
        self.read_to = -1
        self._of: dict[bytes, int] = {}
        self._last = -1
        self._passed: deque[int] = deque(maxlen=_REMEMBERED)

    def take(self, key: bytes, offset: int, header: bytes | None) -> bool:
        """Tell whether the next record counts."""
        self.read_to = offset
        counts = header is None or self._knew(key, header)
        if counts:
            self._of[key] = self._last = offset
        else:
            self._passed.append(offset)
        return counts

    def counted(self, offset: int) -> bool:
        """Tell whether a record that was taken lately counted."""
        return offset not in self._passed

    def _knew(self, key: bytes, header: bytes) -> bool:
        """Tell whether the writer had read what counts now; a key that compaction left out does."""
        text = header.decode("ascii", "replace")
        number = text.removesuffix(_ALL)
        if not number.removeprefix("-").isdecimal():
            return True
        before = self._last if text.endswith(_ALL) else self._of.get(key, -1)
        return int(number) >= before


def header_of(read_to: int, *, of_all: bool) -> bytes:
    """Write the header's value.

    Args:
        of_all: the record depends on every key, not only on its own: it claims something that
            must be the only one of its kind.
    """
    return f"{read_to}{_ALL if of_all else ''}".encode()
