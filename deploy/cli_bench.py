"""``headrace bench``: what this machine does, beside a bare baseline in the same run."""

import asyncio
import os
import platform
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.cli_options import speaks_plainly

if TYPE_CHECKING:
    from deploy.bench.report import Cell, Table

_PROTOCOLS = ("mix", "rakam", "tracardi", "filum", "eventbunker")
_DIMENSIONS = ("batch", "sources", "workers", "profiles", "properties")


@click.group()
def bench() -> None:
    """Measure this machine, in a pipeline of its own.

    Load comes from a process of its own over sockets, shaped as the trackers of all four
    protocols send it. Figures are for comparison within one run: ratios to a bare baseline carry
    over to other machines, absolute numbers do not.
    """


def _shows(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subcommand the options that say how its report is told."""
    for option in (
        click.option(
            "--png",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Draw the tables into a file; needs `pip install 'headrace[bench]'`.",
        ),
        click.option(
            "--json",
            "json_",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write the report into a file, too.",
        ),
        click.option(
            "--format",
            "format_",
            type=click.Choice(["table", "json"]),
            default="table",
            show_default=True,
            help="What is printed.",
        ),
    ):
        command = option(command)
    return speaks_plainly(command)


seconds_option = click.option(
    "--seconds", default=5.0, show_default=True, help="Length of one load."
)
rounds_option = click.option(
    "--rounds", default=3, show_default=True, help="How often; medians count."
)
workers_option = click.option(
    "--workers", default=1, show_default=True, help="Processors of the whole pipeline."
)
protocol_option = click.option(
    "--protocol",
    type=click.Choice(_PROTOCOLS),
    default="mix",
    show_default=True,
    help="Whose requests; EventBunker takes no batches.",
)


@bench.command()
@click.option("--rate", default=1000.0, show_default=True, help="Single events per second.")
@click.option("--seconds", default=30.0, show_default=True, help="Length of one round.")
@rounds_option
@workers_option
@click.option("--kill-processor", is_flag=True, help="Kill one with SIGKILL after a third.")
@_shows
def latency(
    rate: float, seconds: float, rounds: int, workers: int, kill_processor: bool, **shown: Any
) -> None:
    """Time from the 200 to the row that a SELECT sees, at a steady rate."""
    from deploy.bench.latency import Course, measure

    course = Course(rate, seconds, rounds, workers, kill_processor)
    options: dict[str, Cell] = {"rate": rate, "seconds": seconds, "workers": workers}
    _report("latency", options, lambda: _one(measure(course, _progress)), **shown)


@bench.command()
@seconds_option
@rounds_option
@workers_option
@protocol_option
@_shows
def pipeline(seconds: float, rounds: int, workers: int, protocol: str, **shown: Any) -> None:
    """Events per second of each tier alone and of the whole pipeline."""
    from deploy.bench.stages import measure
    from deploy.bench.tiers import Dose

    batches = (0,) if protocol == "eventbunker" else (0, 100)
    dose = Dose(batches, seconds=seconds, protocol=protocol)
    options: dict[str, Cell] = {"seconds": seconds, "workers": workers, "protocol": protocol}
    _report("pipeline", options, lambda: _one(measure(dose, rounds, workers, _progress)), **shown)


@bench.command()
@click.option(
    "--dimension",
    "dimensions",
    type=click.Choice(_DIMENSIONS),
    multiple=True,
    help="What grows; may be repeated. [default: all of them]",
)
@click.option("--seconds", default=3.0, show_default=True, help="Length of one load.")
@click.option("--rounds", default=1, show_default=True, help="How often; medians count.")
@_shows
def growth(dimensions: tuple[str, ...], seconds: float, rounds: int, **shown: Any) -> None:
    """What an event costs each tier as one thing grows.

    Events per request (1 to 1,000), event sources (1 to 1,000), processes of each tier (1 and 2),
    profiles with a state (10 thousand and 1 million), distinct properties (10 to 1,000). It says
    how long all of it takes before it begins.
    """
    from deploy.bench.growth import measure
    from deploy.bench.tiers import Dose

    dose = Dose(batches=(100,), seconds=seconds)
    options: dict[str, Cell] = {"seconds": seconds, "rounds": rounds}
    chosen = dimensions or _DIMENSIONS
    _report("growth", options, lambda: measure(chosen, dose, rounds, _progress), **shown)


@bench.command()
@click.option("--visitors", default=1_000_000, show_default=True, help="States to recover.")
@seconds_option
@rounds_option
@click.option("--rate", default=1000.0, show_default=True, help="Events per second at the kill.")
@click.option("--most", default=3, show_default=True, help="Processes of each tier at most.")
@_shows
def scale(visitors: int, seconds: float, rounds: int, rate: float, most: int, **shown: Any) -> None:
    """One to three of each tier; recovery and memory with many visitors; a killed worker.

    Recovery is from launch to processing; what it takes without any state is in the first lines.
    Workers are timed over a backlog of packed records, broker on the same machine. At the kill,
    waits are from the 200 to the canonical event in Kafka; a repeated event is one row later.
    """
    from deploy.bench.scale import Extent, measure
    from deploy.bench.tiers import Dose

    extent = Extent(visitors, rate, most, rounds, Dose(seconds=seconds, session=False))
    options: dict[str, Cell] = {"visitors": visitors, "seconds": seconds, "rounds": rounds}
    _report("scale", options, lambda: measure(extent, _progress), **shown)


@bench.command()
@click.option("--seconds", default=15.0, show_default=True, help="Length; twice that overloaded.")
@click.option("--times", default=2.0, show_default=True, help="So much more than it sustains.")
@workers_option
@_shows
def overload(seconds: float, times: float, workers: int, **shown: Any) -> None:
    """More than the pipeline sustains: who is refused, who waits, what is lost.

    Finds the sustained rate of single events, then offers half of it, a multiple of it at a steady
    rate whatever the answers are, and half again. `behind` is how long after each load events
    were still on their way.
    """
    from deploy.bench.overload import measure

    options: dict[str, Cell] = {"seconds": seconds, "times": times, "workers": workers}
    work = partial(measure, seconds=seconds, times=times, workers=workers, say=_progress)
    _report("overload", options, work, **shown)


@bench.command()
@rounds_option
@_shows
def footprint(rounds: int, **shown: Any) -> None:
    """Seconds from `headrace up` to ready, memory of the idle pipeline, sizes of what is installed.

    Each with what makes it: imports by package, mapped memory by package, sizes by distribution.
    """
    from deploy.bench.footprint import measure

    _report("footprint", {"rounds": rounds}, lambda: measure(rounds, _progress), **shown)


async def _one(work: Awaitable["Table"]) -> tuple["Table", ...]:
    return (await work,)


def _report(
    command: str,
    options: dict[str, "Cell"],
    work: Callable[[], Any],
    *,
    format_: str,
    json_: Path | None,
    png: Path | None,
) -> None:
    """Do the work, and tell of it in every way that was asked for."""
    from deploy.bench import draw
    from deploy.bench.report import Report, as_json, as_text

    if png is not None:
        draw.load()  # better now than after half an hour
    began = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(command, began, _machine(), options, asyncio.run(work()))
    click.echo(as_json(report) if format_ == "json" else as_text(report))
    if json_ is not None:
        json_.write_bytes(as_json(report))
    if png is not None:
        png.write_bytes(draw.png(report))


def _progress(text: str) -> None:
    click.echo(text, err=True)


def _machine() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "version": f"headrace {version('headrace')}",
        "cores": f"{os.cpu_count()} cores",
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"Python {platform.python_version()}",
    }
