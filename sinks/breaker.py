"""When dead letters are so many that the schema is wrong and not the data."""

from typing import Final

from schemas import breaker
from sinks.verdict import Stopped

WINDOW: Final = 10_000
SHARE: Final = 0.05
IN_A_ROW: Final = 100


class Breaker:
    """Stops the sink by :class:`schemas.breaker.Breaker`, over rows."""

    def __init__(
        self, window: int = WINDOW, share: float = SHARE, in_a_row: int = IN_A_ROW
    ) -> None:
        self._rows = breaker.Breaker(window, share, in_a_row)

    def good(self, rows: int) -> None:
        """Count rows that were stored."""
        self._rows.good(rows)

    def bad(self, code: str) -> None:
        """Count one row that was not.

        Raises:
            Stopped: ``too-many-dead-letters``.
        """
        if self._rows.bad():
            raise Stopped(
                "too-many-dead-letters",
                f"{self._rows.tally('rows were refused')}, the last as {code}: look at the dead"
                " letters, repair the table or the processors, then start the sink again",
            )
