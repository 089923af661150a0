"""What each injected fault cost: collected from all test processes, shown as one table."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NAME = "fault"
"""The user property of a test's report that carries its figures."""
_HEADS = ("fault", "what", "sent", "accepted", "stored", "doubled", "dead", "recovery s", "note")
_TEXTS = {1, len(_HEADS) - 1}


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of the table.

    Attributes:
        fault: its number in tests/faults/README.md.
        what: in a few words.
        sent, accepted: events; accepted are those that were acknowledged.
        stored: different events in the table.
        doubled: rows too many under FINAL.
        dead: dead letters.
        recovery: seconds from the end of the fault, or from the kill, until all is stored.
        note: what else was measured.
    """

    fault: str
    what: str
    sent: int
    accepted: int
    stored: int
    doubled: int
    dead: int
    recovery: float
    note: str = ""

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}"
            for name, value in asdict(self).items()
            if value != ""
        )


Report = Callable[[Figures], None]


def reporter(record: Callable[[str, object], None]) -> Report:
    """Make what a test tells its figures to; they travel with its report.

    Told once for each fault; an event that is in a table twice is an error whatever the test
    looks for.
    """

    def report(figures: Figures) -> None:
        record(NAME, asdict(figures))
        assert figures.doubled == 0, figures

    return report


def rows_of(properties: Iterable[tuple[str, Any]]) -> list[Figures]:
    """The figures in a report's user properties."""
    return [Figures(**value) for name, value in properties if name == NAME]


def table(found: Iterable[Figures]) -> Sequence[str]:
    """Lay figures out, by number of the fault."""
    rows = [_HEADS, *(_cells(each) for each in sorted(found, key=_order))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return ["  ".join(_padded(row, widths)).rstrip() for row in rows]


def _cells(figures: Figures) -> tuple[str, ...]:
    return tuple(
        f"{value:.1f}" if isinstance(value, float) else str(value)
        for value in asdict(figures).values()
    )


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    for column, (text, width) in enumerate(zip(row, widths, strict=True)):
        yield text.ljust(width) if column in _TEXTS else text.rjust(width)


def _order(figures: Figures) -> tuple[int, str, str]:
    digits = "".join(filter(str.isdigit, figures.fault))
    return int(digits or 99), figures.fault, figures.what
