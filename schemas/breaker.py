"""When failures are so many that the fault is ours and not the data's; pure."""

from collections import deque


class Breaker:
    """Counts good and bad in the order in which they were judged.

    Args:
        window: how many of the last judgements count.
        share: of the window; more bad ones than that are too many.
        in_a_row: so many bad ones without a good one are too many as well.
    """

    def __init__(self, window: int, share: float, in_a_row: int) -> None:
        self._window = window
        self._limit = int(window * share)
        self._in_a_row = in_a_row
        self._bad: deque[int] = deque()
        self._seen = 0
        self._running = 0

    def good(self, count: int) -> None:
        """Count what went well."""
        if count:
            self._seen += count
            self._running = 0

    def bad(self) -> bool:
        """Count one that did not; tell whether that is too many."""
        self._seen += 1
        self._running += 1
        self._bad.append(self._seen)
        while self._bad[0] <= self._seen - self._window:
            self._bad.popleft()
        return self._running >= self._in_a_row or len(self._bad) > self._limit

    def tally(self, what: str) -> str:
        """Put the count into words: ``6 of the last 66 rows were refused, 1 in a row``."""
        seen = min(self._seen, self._window)
        return f"{len(self._bad)} of the last {seen} {what}, {self._running} in a row"
