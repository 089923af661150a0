"""``headrace bench growth``: what a tier's events cost as one thing grows and the others do not."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from aiokafka.errors import KafkaError

from deploy.bench.figures import COLUMNS, Figures
from deploy.bench.plan import Plan, Say, Step
from deploy.bench.report import Cell, Column, Plot, Table
from deploy.bench.states import fill
from deploy.bench.tiers import Dose, Tiers
from deploy.local.child import TierFailed
from deploy.settings import SettingError

_SOURCE_SECONDS: Final = 0.1
_STATE_SECONDS: Final = 1 / 25_000
_START_SECONDS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that grows.

    Attributes:
        values: what is measured.
        change: makes a dose of one of them; the number of sources is the bed's matter.
    """

    name: str
    values: tuple[int, ...]
    change: Callable[[Dose, int], Dose]


DIMENSIONS: Final = {
    one.name: one
    for one in (
        Dimension("batch", (1, 10, 100, 1000), lambda dose, n: replace(dose, batches=(n,))),
        Dimension("sources", (1, 10, 100, 1000), lambda dose, _: dose),
        Dimension("workers", (1, 2), lambda dose, n: replace(dose, workers=n)),
        Dimension(
            "profiles",
            (10_000, 1_000_000),
            lambda dose, n: replace(dose, visitors=n, session=False, protocol="rakam"),
        ),
        Dimension("properties", (10, 100, 1000), lambda dose, n: replace(dose, properties=n)),
    )
}


async def measure(names: Sequence[str], dose: Dose, rounds: int, say: Say) -> tuple[Table, ...]:
    """Measure each dimension's values, each in a bed of its own."""
    found: dict[str, list[tuple[Cell, ...]]] = {name: [] for name in names}
    steps = [
        Step(
            f"{value:,} {name}",
            _expected(name, value, dose, rounds),
            partial(_tried, DIMENSIONS[name], value, dose, rounds, found[name], say),
        )
        for name in names
        for value in DIMENSIONS[name].values
    ]
    await Plan(tuple(steps)).run(say)
    return tuple(
        Table(
            f"growth_{name}",
            f"as {name} grow{'s' * (not name.endswith('s'))}",
            (Column(name, name, "count"), Column("tier", "tier"), *COLUMNS),
            tuple(rows),
            Plot(name, "cpu_us", series="tier", lines=True),
        )
        for name, rows in found.items()
    )


async def _tried(
    dimension: Dimension,
    value: int,
    dose: Dose,
    rounds: int,
    into: list[tuple[Cell, ...]],
    say: Say,
) -> None:
    """Measure one value; where that fails, say so and leave it out: the others still count."""
    try:
        await _point(dimension, value, dose, rounds, into)
    except (SettingError, TierFailed, KafkaError, OSError, TimeoutError) as error:
        say(f"{value:,} {dimension.name} could not be measured: {error}")


async def _point(
    dimension: Dimension, value: int, dose: Dose, rounds: int, into: list[tuple[Cell, ...]]
) -> None:
    figures = Figures()
    sources = value if dimension.name == "sources" else 1
    async with AsyncExitStack() as stack:
        bed = await stack.enter_async_context(Tiers(sources=sources))
        if dimension.name == "profiles":
            await fill(bed.settings, 0, value)
        for _ in range(rounds):
            await bed.round(dimension.change(dose, value), figures)
    # what one line of the picture is, however many there are and however much they get
    into += [(value, str(row[0]).partition(",")[0], *row) for row in figures.rows()]


def _expected(name: str, value: int, dose: Dose, rounds: int) -> float:
    changed = DIMENSIONS[name].change(dose, value)
    extra = {"sources": value * _SOURCE_SECONDS, "profiles": value * _STATE_SECONDS}.get(name, 0)
    return _START_SECONDS + extra + rounds * changed.expected
