"""Which rows have already landed although nobody was told.

An acknowledged insert and the commit of its offsets are two steps, and an insert whose answer
was lost may have landed. Both leave rows in the table at or above the committed offset. The
table itself is asked for them: it needs no second store, and no batch has to be cut the same way
twice. (ClickHouse's own deduplication of repeated blocks can swallow a block that it never
wrote, so it is switched off.)
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sinks.clickhouse import ClickHouse
from sinks.rows import Row
from sinks.tables import Table
from sinks.verdict import Failed

Mark = tuple[int, int, bytes]
"""Partition, offset and key: one row of one packed record."""

Spans = Mapping[int, tuple[int, int]]
"""First and last offset by partition, both included."""

SETTLE_SECONDS: Final = 90
"""Above ``max_execution_time`` of an insert: what runs longer is not going to end."""
LATEST_SECONDS: Final = 900
_LOOK_SECONDS: Final = 0.1


def mark(row: Row) -> Mark:
    """What the fence knows a row by."""
    return row.partition, row.offset, row.key


def spans(rows: Iterable[Row]) -> dict[int, tuple[int, int]]:
    """The offsets that rows came from."""
    found: dict[int, tuple[int, int]] = {}
    for row in rows:
        low, high = found.get(row.partition, (row.offset, row.offset))
        found[row.partition] = min(low, row.offset), max(high, row.offset)
    return found


def missing(rows: Sequence[Row], landed: set[Mark]) -> list[Row]:
    """The rows that are not in the table yet."""
    return [row for row in rows if mark(row) not in landed] if landed else list(rows)


class Fence:
    """Asks one table what it holds.

    Its answers must include the last acknowledged insert: of a replicated server, give the sink
    the address of one replica.
    """

    def __init__(self, clickhouse: ClickHouse, table: Table) -> None:
        self._clickhouse = clickhouse
        self._table = table
        self._name = f"{clickhouse.database}.{table.name}"

    async def settle(self) -> None:
        """Wait until the inserts running now have ended, whoever sent them.

        What is asked afterwards is final: a sink that was killed, or gave up waiting, may have
        left an insert behind that lands a moment later.

        Raises:
            Failed: no answer, or an insert that does not end.
        """
        running = await self._running()
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while running:
            if asyncio.get_running_loop().time() > deadline:
                raise Failed("insert-running", f"an insert into {self._name} does not end")
            await asyncio.sleep(_LOOK_SECONDS)
            running &= await self._running()

    async def horizon(self, first: Mapping[int, int]) -> dict[int, int]:
        """Find the last landed offset of each partition at or above ``first``; -1 for none.

        Raises:
            Failed: ClickHouse did not answer.
        """
        where, parameters = _where({p: (offset, (1 << 63) - 1) for p, offset in first.items()})
        rows = await self._clickhouse.query(
            "SELECT kafka_partition, max(kafka_offset)"  # noqa: S608 - identifiers
            f" FROM {self._name} WHERE {where} GROUP BY kafka_partition",
            parameters,
        )
        return dict.fromkeys(first, -1) | {int(row[0]): int(row[1]) for row in rows}

    async def landed(self, span: Spans) -> set[Mark]:
        """List the rows of these offsets that are in the table.

        Raises:
            Failed: ClickHouse did not answer.
        """
        where, parameters = _where(span)
        rows = await self._clickhouse.query(
            f"SELECT kafka_partition, kafka_offset, {self._table.key}"  # noqa: S608 - identifiers
            f" FROM {self._name} WHERE {where}",
            parameters,
        )
        return {(int(row[0]), int(row[1]), str(row[2]).encode()) for row in rows}

    async def latest(self, count: int) -> list[tuple[bytes, bytes]]:
        """List the rows that were stored last: key and time of receipt, the oldest first.

        Raises:
            Failed: ClickHouse did not answer.
        """
        rows = await self._clickhouse.query(
            f"SELECT {self._table.key}, toString({self._table.received})"  # noqa: S608 - identifiers
            f" FROM {self._name} WHERE stored_at >= now() - INTERVAL {LATEST_SECONDS} SECOND"
            " ORDER BY stored_at DESC LIMIT {count:UInt32}",
            {"count": count},
        )
        return [
            (str(key).encode(), str(received).replace(" ", "T").encode() + b"Z")
            for key, received in reversed(rows)
        ]

    async def feed(self, span: Spans) -> None:
        """Show landed rows to the derived tables once more.

        The part of the table and the parts of its views are written one after the other; a
        server that died in between has the one without the others. Their states do not mind
        seeing a row twice.

        Raises:
            Failed: ClickHouse did not answer.
        """
        if self._table.feed is None or not span:
            return
        database = self._clickhouse.database
        columns = await self._clickhouse.query(
            "SELECT name FROM system.columns"
            " WHERE database = {database:String} AND table = {table:String} ORDER BY position",
            {"database": database, "table": self._table.feed},
        )
        names = ", ".join(f"`{row[0]}`" for row in columns)
        where, parameters = _where(span)
        await self._clickhouse.command(
            f"INSERT INTO {database}.{self._table.feed} ({names})"  # noqa: S608 - identifiers
            f" SELECT {names} FROM {self._name} WHERE {where}",
            parameters,
        )

    async def _running(self) -> set[str]:
        rows = await self._clickhouse.query(
            "SELECT query_id FROM system.processes WHERE query_kind = 'Insert'"
            " AND position(query, {table:String}) > 0",
            {"table": self._name},
        )
        return {str(row[0]) for row in rows}


def _where(span: Spans) -> tuple[str, dict[str, Any]]:
    terms: list[str] = []
    parameters: dict[str, Any] = {}
    for number, (partition, (low, high)) in enumerate(span.items()):
        terms.append(
            f"(kafka_partition = {{p{number}:UInt32}}"
            f" AND kafka_offset BETWEEN {{a{number}:UInt64}} AND {{z{number}:UInt64}})"
        )
        parameters |= {f"p{number}": partition, f"a{number}": low, f"z{number}": high}
    return " OR ".join(terms) or "0", parameters
