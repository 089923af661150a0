"""A sparse index of one segment: where to start looking for an offset or a time.

One entry per few KiB, 24 bytes each, so that ten million small batches cost some megabytes.
"""

from array import array
from bisect import bisect_left, bisect_right


class SparseIndex:
    """Three parallel columns, one row per indexed batch."""

    def __init__(self, interval: int) -> None:
        """Index at most one batch per `interval` bytes."""
        self.interval = interval
        self._offsets = array("q")
        self._positions = array("q")
        self._newest_before = array("q")

    def __len__(self) -> int:
        return len(self._offsets)

    @classmethod
    def from_columns(cls, interval: int, rows: "array[int]") -> "SparseIndex":
        """Rebuild an index from its three columns, one behind the other."""
        index, count = cls(interval), len(rows) // 3
        index._offsets = rows[:count]
        index._positions = rows[count : 2 * count]
        index._newest_before = rows[2 * count :]
        return index

    def columns(self) -> "tuple[array[int], array[int], array[int]]":
        """Return the three columns."""
        return self._offsets, self._positions, self._newest_before

    def add(self, offset: int, position: int, newest_before: int) -> None:
        """Take note of a batch.

        `newest_before` is the highest timestamp (ms) of all batches in front of it; it can only
        rise, which is what makes the search by time possible though timestamps need not rise.
        """
        if self._positions and position - self._positions[-1] < self.interval:
            return
        self._offsets.append(offset)
        self._positions.append(position)
        self._newest_before.append(newest_before)

    def position_of_offset(self, offset: int) -> int:
        """Return a batch boundary at or before the batch that holds `offset`."""
        row = bisect_right(self._offsets, offset) - 1
        return self._positions[row] if row >= 0 else 0

    def position_of_time(self, timestamp: int) -> int:
        """Return a batch boundary before which every record is older than `timestamp`."""
        row = bisect_left(self._newest_before, timestamp) - 1
        return self._positions[row] if row >= 0 else 0

    def boundary_before(self, position: int) -> int:
        """Return the last known batch boundary at or before `position`."""
        row = bisect_right(self._positions, position) - 1
        return self._positions[row] if row >= 0 else 0
