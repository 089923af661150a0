"""When dead letters are so many that the schema is wrong and not the data."""

from collections import deque
from typing import Final

from sinks.verdict import Stopped

WINDOW: Final = 10_000
SHARE: Final = 0.05
IN_A_ROW: Final = 100


class Breaker:
    """Counts good and bad rows in the order in which they were judged.

    Args:
        window: how many of the last rows count.
        share: of the window; more bad rows than that stop the sink.
        in_a_row: so many bad rows without a good one stop it too.
    """

    def __init__(
        self, window: int = WINDOW, share: float = SHARE, in_a_row: int = IN_A_ROW
    ) -> None:
        self._window = window
        self._limit = int(window * share)
        self._in_a_row = in_a_row
        self._bad: deque[int] = deque()
        self._seen = 0
        self._running = 0

    def good(self, rows: int) -> None:
        """Count rows that were stored."""
        if rows:
            self._seen += rows
            self._running = 0

    def bad(self, code: str) -> None:
        """Count one row that was not.

        Raises:
            Stopped: ``too-many-dead-letters``.
        """
        self._seen += 1
        self._running += 1
        self._bad.append(self._seen)
        while self._bad[0] <= self._seen - self._window:
            self._bad.popleft()
        if self._running >= self._in_a_row or len(self._bad) > self._limit:
            raise Stopped(
                "too-many-dead-letters",
                f"{len(self._bad)} of the last {min(self._seen, self._window)} rows were refused,"
                f" {self._running} in a row, the last as {code}: look at the dead letters, repair"
                " the table or the processors, then start the sink again",
            )
