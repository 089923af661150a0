"""When dead letters are so many that the schema is wrong and not the data."""

from typing import Final

from schemas import breaker
from sinks.verdict import Stopped

WINDOW: Final = 10_000
SHARE: Final = 0.05
IN_A_ROW: Final = 100
IN_AN_INSERT: Final = 64
"""Each costs two refused inserts, and as many pieces of the rest."""


class Breaker:
    """Stops the sink by :class:`schemas.breaker.Breaker`, over rows."""

    def __init__(
        self,
        window: int = WINDOW,
        share: float = SHARE,
        in_a_row: int = IN_A_ROW,
        in_an_insert: int = IN_AN_INSERT,
    ) -> None:
        self._in_an_insert = in_an_insert
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
            raise _stopped(self._rows.tally("rows were refused"), code)

    def isolated(self, rows: int, code: str) -> None:
        """Judge how many rows of one insert had to be taken out of it so far.

        Raises:
            Stopped: ``too-many-dead-letters``.
        """
        if rows > self._in_an_insert:
            raise _stopped(f"{rows} rows of one insert were refused", code)


def _stopped(what: str, code: str) -> Stopped:
    return Stopped(
        "too-many-dead-letters",
        f"{what}, the last as {code}: look at the dead letters, repair the table or the"
        " processors, then start the sink again",
    )
