"""Rounds of stages -> the table that every throughput benchmark prints."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from deploy.bench.report import Cell, Column, Plot, Table, spread
from deploy.bench.run import Taken

COLUMNS: Final = (
    Column("stage", "stage"),
    Column("rate", "events/s", "count"),
    Column("low", "lowest", "count"),
    Column("high", "highest", "count"),
    Column("rounds", "rounds", "count"),
    Column("against", "beside"),
    Column("ratio", "ratio", "share"),
    Column("cpu_us", "CPU µs/event", "decimal"),
    Column("resident", "MB", "count"),
)
BARS: Final = Plot("stage", "rate", low="low", high="high")


@dataclass(slots=True)
class Stage:
    """One line: its rounds, and the name of the baseline that it is held against."""

    rounds: list[Taken] = field(default_factory=list)
    against: str = ""


class Figures:
    """Collects rounds; lines stand in the order in which they were first heard of."""

    def __init__(self) -> None:
        self._stages: dict[str, Stage] = {}

    def add(self, stage: str, taken: Taken, against: str = "") -> None:
        """Note one round."""
        found = self._stages.setdefault(stage, Stage())
        found.rounds.append(taken)
        found.against = against

    def beside(self, stage: str, against: str) -> None:
        """Hold a line against another than the one it was measured with."""
        if stage in self._stages:
            self._stages[stage].against = against

    def stages(self) -> list[str]:
        """Names of the lines."""
        return list(self._stages)

    def rows(self) -> list[tuple[Cell, ...]]:
        """The lines, as :data:`COLUMNS` has them."""
        return [self._row(name, stage) for name, stage in self._stages.items() if stage.rounds]

    def table(self, name: str, title: str) -> Table:
        """Put the lines under their heads."""
        return Table(name, title, COLUMNS, tuple(self.rows()), BARS)

    def _row(self, name: str, stage: Stage) -> tuple[Cell, ...]:
        rates = spread(each.rate for each in stage.rounds)
        timed = rates.median == rates.median
        return (
            name,
            rates.median if timed else None,
            rates.low if timed else None,
            rates.high if timed else None,
            len(stage.rounds),
            stage.against,
            self._ratio(stage),
            spread(each.cpu_us for each in stage.rounds).median,
            spread(each.resident for each in stage.rounds).high,
        )

    def _ratio(self, stage: Stage) -> float | None:
        """Share of the baseline, by medians; None without one."""
        bare = self._stages.get(stage.against)
        if bare is None:
            return None
        ours, theirs = (_median(each.rounds) for each in (stage, bare))
        return ours / theirs


def _median(rounds: Iterable[Taken]) -> float:
    return spread(each.rate for each in rounds).median
