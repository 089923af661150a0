"""What a benchmark found: tables, and the one way in which they are told as text and as JSON."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import orjson

Kind = Literal["text", "count", "decimal", "share"]
Cell = str | int | float | None
"""None where there is nothing to measure."""

_NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: its name in the JSON.
        head: its name in the table, with the unit.
    """

    key: str
    head: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Plot:
    """How a table is drawn.

    Attributes:
        x: column of the labels, or of the numbers where ``lines``.
        y: column of what is measured.
        series: column that tells one series from another; "" for a single one.
        low, high: columns of the spread, "" for none.
        lines: y grows with x (both logarithmic); else bars.
    """

    x: str
    y: str
    series: str = ""
    low: str = ""
    high: str = ""
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; every row has a cell for every column."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    plot: Plot | None = None

    def column(self, key: str) -> list[Cell]:
        """All cells of a column."""
        place = [column.key for column in self.columns].index(key)
        return [row[place] for row in self.rows]

    def records(self) -> list[dict[str, Cell]]:
        """The rows by the columns' keys."""
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Report:
    """All of one run.

    Attributes:
        command: the subcommand.
        began: ISO 8601, UTC.
        machine: what it ran on.
        options: with what it was called.
        notes: sentences that belong below the tables.
    """

    command: str
    began: str
    machine: Mapping[str, str]
    options: Mapping[str, Cell]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Spread:
    """Rounds of one measurement: the median and the extremes."""

    median: float
    low: float
    high: float


def spread(rounds: Iterable[float]) -> Spread:
    """Sum rounds up; the median of an even number is the mean of the middle two."""
    found = list(rounds)
    return Spread(statistics.median(found), min(found), max(found))


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value below which that share lies (nearest rank); NaN of none."""
    found = sorted(values)
    return found[int((len(found) - 1) * share)] if found else float("nan")


def as_json(report: Report) -> bytes:
    """Write a report for programs: tables by name, each a list of rows by column."""
    said = asdict(report)
    said["tables"] = {
        table.name: {
            "title": table.title,
            "columns": {column.key: column.head for column in table.columns},
            "rows": table.records(),
        }
        for table in report.tables
    }
    return orjson.dumps(said, option=orjson.OPT_INDENT_2)  # NaN becomes null


def as_text(report: Report) -> str:
    """Write a report for people."""
    machine = ", ".join(report.machine.values())
    options = ", ".join(f"{name} {value}" for name, value in report.options.items())
    parts = [f"headrace bench {report.command}: {report.began}; {machine}\n{options}"]
    parts += ["\n".join((table.title, *lay_out(table))) for table in report.tables]
    return "\n\n".join([*parts, *report.notes]) + "\n"


def lay_out(table: Table) -> list[str]:
    """Set a table's lines: heads, then rows; numbers to the right."""
    heads = [column.head for column in table.columns]
    kinds = [column.kind for column in table.columns]
    lines = [
        heads,
        *([spell(*pair) for pair in zip(row, kinds, strict=True)] for row in table.rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [_line(line, kinds, widths) for line in lines]


def spell(cell: Cell, kind: Kind) -> str:
    """Write one cell."""
    if cell is None or cell != cell:  # noqa: PLR0124  NaN is the one that differs from itself
        return _NOTHING
    if isinstance(cell, str):
        return cell
    match kind:
        case "count":
            return f"{cell:,.0f}"
        case "decimal":
            return f"{cell:,.1f}" if abs(cell) >= 10 else f"{cell:,.2f}"  # noqa: PLR2004  digits
        case "share":
            return f"{cell:.0%}"
        case "text":
            return str(cell)


def _line(cells: Sequence[str], kinds: Sequence[Kind], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if kind == "text" else cell.rjust(width)
        for cell, kind, width in zip(cells, kinds, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()
