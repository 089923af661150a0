"""A fault between Kafka and ClickHouse: time it, count what came of it, tell it."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from tests.faults.figures import Figures, Report
from tests.sinks import flow
from tests.sinks.lines import event, event_id

_COUNTS = (
    "SELECT count(), uniqExact(event_id),"
    " (SELECT count() FROM @dead_letters FINAL) FROM @events FINAL"
)


@dataclass
class Stage:
    """Where sinks are tried: numbered events go in at the topic, rows come out."""

    kafka: str
    topics: Topics
    clickhouse: ClickHouse
    report: Report
    sent: int = 0
    records: int = 0
    group: str | None = None
    _healed: float = 0.0

    async def send(self, count: int, per_record: int = 100) -> None:
        """Send the next events; each is one that the broker acknowledged."""
        numbers = range(self.sent, self.sent + count)
        await self.put([event(number) for number in numbers], per_record)
        self.sent += count

    async def put(self, lines: Sequence[bytes], per_record: int = 100) -> None:
        """Send these lines, which :attr:`sent` does not count."""
        records = flow.records(lines, per_record, self.topics.partitions)
        self.records += await flow.produce(self.kafka, self.topics.events.name, records)

    def heal(self) -> None:
        """Note that the fault is over, or that the kill is done: recovery begins."""
        self._healed = time.monotonic()

    async def recovered(self, *, without: Collection[int] = ()) -> float:
        """Wait until each event but these is there once, without FINAL, and all is committed."""
        await flow.exactly(self.clickhouse, sorted(set(range(self.sent)) - set(without)))
        await flow.all_committed(self.kafka, self.topics, self.records)
        return self.since()

    async def settled(self) -> tuple[float, str]:
        """Wait until each event is there and all is committed; and how many twice, without FINAL.

        For faults that may leave a repeated row to be collapsed.
        """

        async def all_there() -> bool:
            return not await self.missing()

        await flow.eventually(all_there, f"{self.sent} events are stored")
        await flow.all_committed(self.kafka, self.topics, self.records, self.group)
        seconds = self.since()
        twice = len(await flow.stored(self.clickhouse)) - self.sent
        return seconds, f"{twice} doubled without FINAL"

    def since(self) -> float:
        """Seconds since the fault was over."""
        return time.monotonic() - self._healed

    async def tell(self, fault: str, what: str, recovery: float, note: str = "") -> Figures:
        """Count and report."""
        ((stored, different, dead),) = await flow.ask(self.clickhouse, _COUNTS)
        figures = Figures(
            fault=fault,
            what=what,
            sent=self.sent,
            accepted=self.sent,
            stored=different,
            doubled=stored - different,
            dead=dead,
            recovery=recovery,
            note=note,
        )
        self.report(figures)
        assert different + dead >= self.sent, figures
        return figures

    async def missing(self) -> list[str]:
        """Ids of events that are not in the table."""
        there = set(await flow.stored(self.clickhouse))
        return sorted({event_id(number) for number in range(self.sent)} - there)
