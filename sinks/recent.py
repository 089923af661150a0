"""Which rows were written just now, in bounded memory."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from sinks.rows import Row

REMEMBERED: Final = 200_000
"""About 40 MB: a key weighs some 80 bytes, its mark and its place in a dictionary some 120."""

_BITS: Final = 40
_LOW: Final = (1 << _BITS) - 1
_UNKNOWN: Final = 0


class Recent:
    """The last acknowledged rows, in two generations that take turns.

    An event that comes again is a duplicate: a client's retry, which has another time of
    receipt, or a redelivery, which has the very bytes. The same receipt with other bytes is an
    event that was processed anew, and is to replace its row.

    At least half of ``limit`` and at most all of it is remembered. Forgetting is safe: the
    table collapses the repeated row later, and at once under FINAL.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._half = max(1, limit // 2)
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._young or key in self._old

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    @property
    def warms(self) -> int:
        """How many stored rows are worth being told of."""
        return self._half

    def warm(self, stored: Iterable[tuple[bytes, bytes]]) -> None:
        """Learn of rows that another sink, or this one before it ended, has stored.

        Args:
            stored: key and time of receipt as :class:`Row` has them, oldest first. Their bytes
                are not known, so one of the same receipt counts as processed anew.
        """
        for key, received in stored:
            if key in self:
                continue
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[key] = (hash(received) & _LOW) << _BITS | _UNKNOWN

    def add(self, rows: Iterable[Row]) -> None:
        """Remember rows that ClickHouse acknowledged; never others."""
        young = self._young
        for row in rows:
            if len(young) >= self._half and row.key not in young:
                self._old, young = young, {}
                self._young = young
            young[row.key] = _mark(row)

    def unseen(self, rows: Iterable[Row]) -> tuple[list[Row], Counter[str]]:
        """Leave out what repeats a row written before, or another one in ``rows``.

        Returns:
            The rows to write, and how many were left out of each source.
        """
        fresh: dict[bytes, Row] = {}
        repeated: Counter[str] = Counter()
        for row in rows:
            key = row.key
            if key in fresh:
                repeated[_source(row)] += 1
                if fresh[key].received == row.received:
                    fresh[key] = row
                continue
            known = self._young.get(key)
            if known is None:
                known = self._old.get(key)
            if known is None or _renews(known, _mark(row)):
                fresh[key] = row
            else:
                repeated[_source(row)] += 1
        return list(fresh.values()), repeated


def _mark(row: Row) -> int:
    return (hash(row.received) & _LOW) << _BITS | (hash(row.line) & _LOW or 1)


def _renews(known: int, mark: int) -> bool:
    return known != mark and known >> _BITS == mark >> _BITS


def _source(row: Row) -> str:
    return row.key[36:].decode("utf-8", "replace")
