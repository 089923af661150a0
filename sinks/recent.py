"""Which rows were written just now, in bounded memory."""

from collections.abc import Iterable
from typing import Final

from sinks.rows import Row

REMEMBERED: Final = 200_000
"""About 30 MB: a key weighs some 80 bytes, its place in a set some 40 more."""


class Recent:
    """Keys of the last acknowledged rows, in two generations that take turns.

    At least half of ``limit`` and at most all of it is remembered. Forgetting is safe: the
    table collapses the repeated row later, and at once under FINAL.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._half = max(1, limit // 2)
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __contains__(self, key: bytes) -> bool:
        return key in self._young or key in self._old

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, keys: Iterable[bytes]) -> None:
        """Remember rows that ClickHouse acknowledged; never others."""
        for key in keys:
            if key in self:
                continue
            if len(self._young) >= self._half:
                self._old, self._young = self._young, set()
            self._young.add(key)

    def unseen(self, rows: Iterable[Row]) -> list[Row]:
        """Leave out rows written before and rows that stand twice in ``rows``; the first stays."""
        fresh: dict[bytes, Row] = {}
        for row in rows:
            if row.key not in self:
                fresh.setdefault(row.key, row)
        return list(fresh.values())
