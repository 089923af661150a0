"""Tables as a picture; this room's door to matplotlib, which is an extra."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any, Final

from deploy.bench.report import Cell, Plot, Report, Table
from deploy.settings import SettingError

_WIDTH_INCHES: Final = 9.0
_BAR_INCHES: Final = 0.32
_LINES_INCHES: Final = 4.0
_ROOM_INCHES: Final = 1.3


def load() -> tuple[Any, Any]:
    """Import what draws.

    Raises:
        SettingError: it is not installed; the text says what to install.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  an extra
        from matplotlib.figure import Figure  # noqa: PLC0415  as above
    except ImportError as error:
        raise SettingError("--png needs matplotlib: pip install 'headrace[bench]'") from error
    return Figure, FigureCanvasAgg


def png(report: Report) -> bytes:
    """Draw every table that says how.

    Raises:
        SettingError: matplotlib is not installed.
    """
    figure_of, canvas_of = load()
    drawn = [(table, table.plot) for table in report.tables if table.plot and table.rows]
    heights = [_height(table, plot) for table, plot in drawn] or [_ROOM_INCHES]
    figure = figure_of(figsize=(_WIDTH_INCHES, sum(heights)), layout="constrained")
    canvas = canvas_of(figure)
    rows = figure.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for (axes,), (table, plot) in zip(rows, drawn, strict=False):
        (_lines if plot.lines else _bars)(axes, table, plot)
        axes.set_title(table.title, fontsize=9, loc="left")
        axes.tick_params(labelsize=8)
    machine = ", ".join(report.machine.values())
    figure.suptitle(f"headrace bench {report.command}: {machine}, {report.began}", fontsize=10)
    picture = BytesIO()
    canvas.print_png(picture)
    return picture.getvalue()


def _height(table: Table, plot: Plot) -> float:
    if plot.lines:
        return _LINES_INCHES
    return _ROOM_INCHES + _BAR_INCHES * len(table.rows)


def _bars(axes: Any, table: Table, plot: Plot) -> None:
    places = list(range(len(table.rows)))
    values = _numbers(table.column(plot.y))
    labels = [str(label) for label in table.column(plot.x)]
    series = [str(name) for name in table.column(plot.series)] if plot.series else labels
    kinds = list(dict.fromkeys(series)) if plot.series else []
    colours = [f"C{kinds.index(name)}" if kinds else "C0" for name in series]
    axes.barh(places, values, color=colours)
    if plot.low and plot.high:
        low, high = _numbers(table.column(plot.low)), _numbers(table.column(plot.high))
        axes.hlines(places, low, high, color="black", linewidth=1)
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.set_xlabel(_head(table, plot.y), fontsize=8)


def _lines(axes: Any, table: Table, plot: Plot) -> None:
    xs, ys = _numbers(table.column(plot.x)), _numbers(table.column(plot.y))
    series = table.column(plot.series) if plot.series else [""] * len(xs)
    for name in dict.fromkeys(series):
        points = [(x, y) for x, y, of in zip(xs, ys, series, strict=True) if of == name]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=str(name))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(_head(table, plot.x), fontsize=8)
    axes.set_ylabel(_head(table, plot.y), fontsize=8)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _numbers(cells: Iterable[Cell]) -> list[float]:
    return [
        float("nan") if cell is None or isinstance(cell, str) else float(cell) for cell in cells
    ]


def _head(table: Table, key: str) -> str:
    return next(column.head for column in table.columns if column.key == key)
