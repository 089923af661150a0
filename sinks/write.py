"""One batch into one table: skip what is there, insert what is not, set aside what cannot be."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from schemas.metrics import Metrics
from sinks import fence, rows
from sinks.batch import Batch
from sinks.breaker import Breaker
from sinks.clickhouse import ClickHouse
from sinks.recent import Recent
from sinks.retry import wait_seconds
from sinks.rows import Poison, Row
from sinks.tables import Table
from sinks.verdict import Failed, Stopped

T = TypeVar("T")

_log = logging.getLogger(__name__)

_MISSING: Final = "rows-missing"

Bury = Callable[[Sequence[Poison]], Awaitable[None]]
Tell = Callable[[Batch, Sequence[Row], list[Poison]], None]


def split(part: Sequence[T], suspect: int | None) -> list[Sequence[T]]:
    """Cut rows around the one that is said to be at fault, else in halves; never empty parts."""
    if suspect is None or not 0 <= suspect < len(part):
        middle = len(part) // 2
        parts = [part[:middle], part[middle:]]
    else:
        parts = [part[:suspect], part[suspect : suspect + 1], part[suspect + 1 :]]
    return [part for part in parts if part]


class Writer:
    """Writes batches into one table, one at a time.

    Args:
        bury: makes dead letters of rows that can never be stored, and returns when they are safe.
        chance: draws from [0, 1).
        clock: Unix ms.
        tell: is told of every batch that is safe, of its rows that were not known before, and
            of its poison.
    """

    def __init__(
        self,
        clickhouse: ClickHouse,
        table: Table,
        bury: Bury,
        metrics: Metrics,
        clock: Callable[[], int],
        chance: Callable[[], float],
        breaker: Breaker | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._tell = tell
        self._clickhouse = clickhouse
        self._table = table
        self._bury = bury
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._breaker = breaker or Breaker()
        self._fence = fence.Fence(clickhouse, table)
        self._recent = Recent()
        self._horizon: dict[int, int] = {}
        self._warm = False
        self._copies = 2 if table.feed else 1
        self._plain = False

    def reassigned(self) -> None:
        """Forget up to where partitions were clean: another sink may have written meanwhile."""
        self._horizon.clear()
        self._warm = False

    async def write(self, batch: Batch) -> None:
        """Return when every row is stored, known to be stored, or buried.

        Outages are waited out, however long they take.

        Raises:
            Stopped: going on would be wrong; nothing of the batch may be committed.
        """
        poison = list(batch.poison)
        try:
            if not self._warm:
                self._recent.warm(await self._insist(self._latest))
                self._warm = True
            fresh, repeated = self._recent.unseen(batch.rows)
            beyond = await self._beyond_horizon(batch, fresh)
            for part in rows.by_month(beyond).values():
                await self._store(part, poison)
            self._judge_unreadable(batch)
        except Stopped:
            await self._set_aside(poison)  # whoever comes to look shall find them
            raise
        await self._set_aside(poison)
        if self._tell is not None:
            self._tell(batch, fresh, poison)
        for source, count in repeated.items():
            name = "headrace_sink_duplicates_total"
            self._metrics.add(name, count, source=source, table=self._table.name)
        for partition, offset in batch.offsets.items():
            if self._horizon.get(partition, -1) < offset:
                self._horizon[partition] = -1

    async def _beyond_horizon(self, batch: Batch, fresh: list[Row]) -> list[Row]:
        """Leave out what a predecessor stored and could not commit."""
        if any(partition not in self._horizon for partition in batch.offsets):
            first = {p: low for p, (low, _) in fence.spans(batch.rows).items()}
            new = {p: low for p, low in first.items() if p not in self._horizon}
            await self._insist(self._fence.settle)
            self._horizon |= await self._insist(partial(self._fence.horizon, new))
        if max((self._horizon.get(p, -1) for p in batch.offsets), default=-1) < 0:
            return fresh
        shadow = [row for row in fresh if row.offset <= self._horizon[row.partition]]
        lost = set(await self._insist(partial(self._recheck, shadow)))
        return [row for row in fresh if row.offset > self._horizon[row.partition] or row in lost]

    async def _latest(self) -> list[tuple[bytes, bytes]]:
        return await self._fence.latest(self._recent.warms)

    async def _recheck(self, part: Sequence[Row]) -> list[Row]:
        """Ask the table which rows it holds; return the others."""
        landed = await self._fence.landed(fence.spans(part))
        left = fence.missing(part, landed)
        if len(left) < len(part):
            known = [row for row in part if fence.mark(row) in landed]
            await self._fence.feed(fence.spans(known))
            self._recent.add(known)
            self._count("headrace_sink_fenced_total", len(known))
        return left

    async def _store(self, part: Sequence[Row], poison: list[Poison]) -> None:
        """Insert all rows but those at fault, which join ``poison``; rows are judged in order."""
        todo = [part]
        before = len(poison)
        while todo:
            rest = todo.pop()
            refusal = await self._attempt(rest)
            if refusal is None:
                self._breaker.good(len(rest))
                continue
            left, failure = refusal
            if len(left) == 1:
                poison.append(rows.poisoned(left[0], failure.code, failure.message))
                self._breaker.bad(failure.code)
                self._breaker.isolated(len(poison) - before, failure.code)
            else:
                todo += reversed(split(left, failure.row))

    async def _attempt(self, part: Sequence[Row]) -> tuple[Sequence[Row], Failed] | None:
        """Insert rows, waiting out outages; what ClickHouse will never take is handed back."""
        tries = 0
        while part:
            try:
                await self._insert(part)
            except Failed as failure:
                tries += 1
                if self._given_up(failure, tries):
                    return part, failure
                await self._wait(failure, tries)
                part = await self._insist(partial(self._settled, part))
                if failure.code == _MISSING and self._plain and not part:
                    self._copies = 1  # this server does not count what the views write
            else:
                break
        return None

    async def _settled(self, part: Sequence[Row]) -> list[Row]:
        await self._fence.settle()
        return await self._recheck(part)

    async def _insert(self, part: Sequence[Row]) -> None:
        began = self._clock()
        written = await self._clickhouse.insert(self._table.name, rows.body(part))
        if written < len(part) * self._copies:
            self._plain = written == len(part)
            raise Failed(_MISSING, f"ClickHouse wrote {written} rows for {len(part)}")
        self._recent.add(part)
        self._count("headrace_sink_rows_total", len(part))
        self._count("headrace_sink_inserts_total", 1)
        now = self._clock()
        self._count("headrace_sink_insert_seconds_total", (now - began) / 1_000)
        self._metrics.set("headrace_sink_last_insert_ms", now, table=self._table.name)

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until ClickHouse answers."""
        tries = 0
        while True:
            try:
                return await ask()
            except Failed as failure:
                tries += 1
                if self._given_up(failure, tries):
                    raise _stopped(failure) from failure
                await self._wait(failure, tries)

    async def _wait(self, failure: Failed, tries: int) -> None:
        self._metrics.add("headrace_sink_retries_total", code=failure.code)
        seconds = wait_seconds(tries, self._chance())
        _log.warning(
            "%s: %s (%s), trying again in %.1f s",
            self._table.name,
            failure.message,
            failure.code,
            seconds,
        )
        await asyncio.sleep(seconds)

    def _given_up(self, failure: Failed, tries: int) -> bool:
        verdict = failure.verdict
        if verdict.tries is None or tries <= verdict.tries:
            return False
        if verdict.then == "stop":
            raise _stopped(failure) from failure
        return True

    def _judge_unreadable(self, batch: Batch) -> None:
        for item in batch.poison:
            self._breaker.good(1 if batch.rows else 0)
            self._breaker.bad(item.code)

    async def _set_aside(self, poison: Sequence[Poison]) -> None:
        for item in poison:
            self._metrics.add("headrace_sink_dead_total", code=item.code, table=self._table.name)
        if poison:
            await self._bury(poison)

    def _count(self, name: str, value: float) -> None:
        if value:
            self._metrics.add(name, value, table=self._table.name)


def _stopped(failure: Failed) -> Stopped:
    return Stopped(
        failure.code,
        f"ClickHouse refuses for a reason that no retry cures: {failure.message}"
        " - if a table or column is missing, run `headrace init`",
    )
