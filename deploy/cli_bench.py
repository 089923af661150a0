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


@bench.command()
@click.option("--visitors", default=1_000_000, show_default=True, help="States to recover.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of one load.")
@click.option("--rounds", default=3, show_default=True, help="Loads per stage; medians count.")
@click.option("--rate", default=1000.0, show_default=True, help="Events per second at the kill.")
@speaks_plainly
def scale(visitors: int, seconds: float, rounds: int, rate: float) -> None:
    """Processors alone: recovery and memory with many visitors, two workers, one killed.

    Recovery is from launch to processing; what it takes without any state is in the first lines.
    Workers are timed over a backlog of packed records, broker on the same machine. At the kill,
    waits are from the 200 to the canonical event in Kafka; a repeated event is one row later.
    """
    from deploy.bench.scale import Plan, measure

    click.echo(_machine())
    plan = Plan(visitors, seconds, rounds, rate)
    recoveries, throughputs, kills = asyncio.run(measure(plan, _progress))
    click.echo(f"{'states':>10}  {'store':<9}{'start':<8}{'seconds':>8}{'MB':>6}")
    for one in recoveries:
        click.echo(
            f"{one.states:>10,}  {one.store:<9}{one.how:<8}{one.seconds:>8.1f}{one.resident:>6.0f}"
        )
    click.echo(
        f"{'workers':>10}  {'store':<9}{'events/s':>9}{'to one':>8}{'CPU µs/ev':>11}{'MB':>6}"
    )
    single = {one.store: one.rate for one in throughputs if one.workers == 1}
    for each in throughputs:
        click.echo(
            f"{each.workers:>10}  {each.store:<9}{each.rate:>9,.0f}"
            f"{each.rate / single[each.store]:>8.2f}{each.cpu_us:>11.1f}{each.resident:>6.0f}"
        )
    for kill in kills:
        click.echo(
            f"one of two killed, {kill.store}, {kill.states:,} states: {kill.accepted:,} accepted, "
            f"{kill.lost} lost, {kill.repeated} repeated, {kill.changed} of them changed; "
            f"p50 {kill.p50:.2f} s   longest {kill.longest:.2f} s"
        )


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
