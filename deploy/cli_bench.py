"""``headrace bench``: what this machine does, beside a bare baseline in the same run."""

import asyncio
import math
import os
import platform
from typing import Any

import click

from deploy.cli_options import speaks_plainly


@click.group()
def bench() -> None:
    """Measure latency and throughput on this machine, in a pipeline of its own.

    Figures are for comparison within one run: ratios to a bare baseline carry over to other
    machines, absolute numbers do not.
    """


@bench.command()
@click.option("--rate", default=1000.0, show_default=True, help="Single events per second.")
@click.option("--seconds", default=30.0, show_default=True, help="How long.")
@click.option("--workers", default=1, show_default=True, help="Processors.")
@click.option("--kill-processor", is_flag=True, help="Kill one with SIGKILL after a third.")
@speaks_plainly
def latency(rate: float, seconds: float, workers: int, kill_processor: bool) -> None:
    """Time from the 200 to the row that a SELECT sees, at a steady rate."""
    from deploy.bench.latency import measure

    click.echo(_machine())
    found = asyncio.run(
        measure(rate=rate, seconds=seconds, kill_processor=kill_processor, workers=workers)
    )
    click.echo(
        f"{found.rate:,.0f} events/s for {seconds:.0f} s: {found.events:,} accepted, "
        f"{found.refused} refused, {found.lost} never seen\n"
        f"200 to visible: p50 {found.p50:.2f} s   p99 {found.p99:.2f} s   max {found.longest:.2f} s"
    )


@bench.command()
@click.option("--seconds", default=5.0, show_default=True, help="Length of one load.")
@click.option("--rounds", default=3, show_default=True, help="Loads per stage; medians count.")
@click.option("--workers", default=1, show_default=True, help="Processors of the whole pipeline.")
@speaks_plainly
def pipeline(seconds: float, rounds: int, workers: int) -> None:
    """Events per second of each tier alone and of the whole pipeline."""
    from deploy.bench.stages import measure

    click.echo(_machine())
    rows = asyncio.run(measure(seconds=seconds, rounds=rounds, workers=workers, say=_progress))
    click.echo(
        f"{'stage':<40}{'events/s':>10}{'bare':>10}{'ratio':>7}{'CPU µs/ev':>11}{'MB':>6}"
        "   lowest to highest"
    )
    for row in rows:
        click.echo(_line(row))


def _line(row: Any) -> str:
    bare = "-" if math.isnan(row.bare) else f"{row.bare:,.0f}"
    ratio = "-" if math.isnan(row.bare) else f"{row.ratio:.0%}"
    low, high = row.spread
    return (
        f"{row.stage:<40}{row.rate:>10,.0f}{bare:>10}{ratio:>7}{row.cpu_us:>11.1f}"
        f"{row.resident:>6.0f}   {low:,.0f} to {high:,.0f}"
    )


def _progress(text: str) -> None:
    click.echo(text, err=True)


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
