"""What ClickHouse's no means: try again, look at single rows, or stop and call somebody."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from schemas.errors import HeadraceError

REASON_CHARS: Final = 500
"""ClickHouse quotes the offending value, however long; a reason is for people."""

_ROW = re.compile(r"\(at row (\d+)\)")
_UNKNOWN_FIELD: Final = "Unknown field found"
_TOO_MANY_PARTITIONS: Final = "Too many partitions"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How often the same insert is worth another try, and what follows when that is used up.

    Attributes:
        tries: further tries; None means for ever.
        then: ``poison`` looks for the rows that are at fault, ``stop`` ends the sink.
    """

    tries: int | None
    then: Literal["poison", "stop"]


RETRY: Final = Verdict(None, "stop")
POISON: Final = Verdict(0, "poison")
STOP: Final = Verdict(0, "stop")
_UNHEARD_OF: Final = Verdict(5, "stop")

# Numbers of ClickHouse's ErrorCodes.cpp. Waiting cures: sockets, time-outs, quotas, too many
# queries or parts, memory, disk, Keeper, read-only replicas, cancelled and duplicate query ids.
_RETRY: Final = frozenset(
    {3, 159, 160, 202, 203, 209, 210, 216, 241, 242, 243, 252, 285, 319, 373, 394, 425, 439, 999}
)
# The bytes are wrong: unparsable text, numbers, dates, JSON, arrays, Booleans.
_POISON: Final = frozenset({6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 130, 467})
# A table that another process is just migrating, or a body cut short: once more, then think.
_AGAIN: Final = {
    16: Verdict(1, "stop"),
    33: Verdict(1, "poison"),
    60: Verdict(1, "stop"),
    81: Verdict(1, "stop"),
    131: Verdict(1, "poison"),
}
# Wrong settings, rights or SQL: no wait and no row will change that.
_STOP: Final = frozenset({36, 47, 62, 115, 164, 192, 193, 497, 516})


def judge(code: int | None, message: str) -> Verdict:
    """Decide by ClickHouse's error number; None stands for "no answer from ClickHouse".

    A message that names a row is about that row, whatever its number. Number 252 has two
    meanings: too many parts passes, too many partitions in one insert never does. A field
    unknown to the table means that the table is older than the events: not the row's fault.
    """
    if _UNKNOWN_FIELD in message or code in _STOP:
        return STOP
    if code == 252 and _TOO_MANY_PARTITIONS in message:  # noqa: PLR2004 - named above
        return POISON
    if code is None or code in _RETRY:
        return RETRY
    if code in _POISON or (code not in _AGAIN and _ROW.search(message)):
        return POISON
    return _AGAIN.get(code, _UNHEARD_OF)


def row_of(message: str) -> int | None:
    """Index (from 0) of the row that JSONEachRow's error names last, None without one.

    A guess: ClickHouse counts lines, and the message quotes the client's text.
    """
    found = _ROW.findall(message)
    return int(found[-1]) - 1 if found else None


class Failed(HeadraceError):
    """ClickHouse said no, or nothing at all.

    Attributes:
        code: ClickHouse's error name in kebab case, or ``no-answer``.
        verdict: what to do about it.
        row: the row that is said to be at fault, from 0, None when unknown.
    """

    status = 503

    def __init__(
        self, code: str, message: str, verdict: Verdict = RETRY, row: int | None = None
    ) -> None:
        super().__init__(code, message[:REASON_CHARS])
        self.verdict = verdict
        self.row = row


class Stopped(HeadraceError):
    """The sink must not go on; the message says what a person has to do."""

    status = 500
