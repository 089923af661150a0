"""What this worker has written of profiles already, so that plain events write nothing."""

from typing import Final

MOST: Final = 30_000
"""Entries of a generation; two are kept, about 8 MB."""


class Known:
    """Remembers the earliest time of each thing, the least recent things forgotten first.

    What is forgotten is written again, with the same key and so to no effect.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._forgotten = 0

    def since(self, forgotten: int) -> None:
        """Forget everything when profiles were erased: what was written may have been taken back.

        Args:
            forgotten: ``Merges.forgotten`` as it is now.
        """
        if forgotten != self._forgotten:
            self._forgotten = forgotten
            self._young, self._old = {}, {}

    def is_news(self, what: int, at: int) -> bool:
        """Note a thing, by its hash, and tell whether it was unknown at a time or before it."""
        known = self._young.get(what)
        if known is not None and known <= at:
            return False
        if known is None:
            known = self._old.pop(what, None)
        if len(self._young) >= self._most:
            self._young, self._old = {}, self._young
        news = known is None or at < known
        self._young[what] = at if known is None or at < known else known
        return news
