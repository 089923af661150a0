"""Erasure that holds: what was on its way when a customer was erased goes when it arrives."""

import asyncio
import logging
from typing import Final

from schemas.errors import HeadraceError
from schemas.metrics import Metrics
from sinks.chores import until_told
from sinks.clickhouse import ClickHouse, identifier
from sinks.forgetting import OVERLAP_MS, Forgetting
from sinks.select import count, erase

SWEEP_SECONDS: Final = 5.0
"""From one sweep to the next."""

_log: Final = logging.getLogger(__name__)


class Erasures:
    """The customers that were erased, and the people.

    Args:
        database: that holds the tables.
        cluster: on which rows are erased, None for one server.
        people: follows erasures of people, None where somebody else does.
    """

    def __init__(
        self,
        client: ClickHouse,
        database: str,
        cluster: str | None = None,
        people: Forgetting | None = None,
    ) -> None:
        self._client = client
        self._people = people
        name = identifier(database)
        self._events, self._table = f"{name}.events", f"{name}.erasures"
        self._on_cluster = f" ON CLUSTER {identifier(cluster)}" if cluster else ""
        self._swept_to = 0

    async def erase(self, source_id: str, customer: str) -> int:
        """Delete a customer's rows of a source, and note it for rows that are still on their way.

        Returns:
            The number of events that were there.

        Raises:
            Failed: with a verdict; again is fine.
        """
        await self._client.command(
            f"INSERT INTO {self._table} (source_id, group_id)"
            " SELECT {source:String}, {customer:String}",
            {"source": source_id, "customer": customer},
        )
        found = await self._client.query(*count(self._events, source_id, customer))
        await self._client.command(*erase(self._events, self._on_cluster, source_id, customer))
        return int(found[0][0])

    async def sweep(self) -> int:
        """Delete rows that were stored since the last sweep and erased before that.

        The first sweep looks at all rows. What was received after an erasure stays.

        Returns:
            The number of customers of whom rows were found.

        Raises:
            Failed: with a verdict; the next sweep looks at the same rows again.
        """
        ((now, known),) = await self._client.query(
            f"SELECT toUnixTimestamp64Milli(now64(3)), count() FROM {self._table}"  # noqa: S608 - as above
        )
        late = await self._late() if known else []
        for source_id, customer, asked_at in late:
            sql, parameters = erase(self._events, self._on_cluster, source_id, customer)
            until = " AND received_at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
            await self._client.command(sql + until, parameters | {"until": asked_at})
            _log.info("erased late events of a customer of source %s", source_id)
        self._swept_to = max(0, int(now) - OVERLAP_MS)
        return len(late)

    async def run(
        self, stop: asyncio.Event, metrics: Metrics, *, seconds: float = SWEEP_SECONDS
    ) -> None:
        """Sweep until told to stop, which a sweep that waits for the store does not delay."""
        try:
            await until_told(stop, self._forever(metrics, seconds))
        finally:
            await self._client.close()

    async def _forever(self, metrics: Metrics, seconds: float) -> None:
        """Sweep again and again; a store that is away is asked again."""
        while True:
            try:
                metrics.add("headrace_sink_swept_total", await self.sweep())
                if self._people is not None:
                    await self._people.sweep()
            except HeadraceError as failure:
                metrics.add("headrace_sink_sweep_failures_total", code=failure.code)
                _log.warning("cannot look for erased events: %s", failure.message)
            await asyncio.sleep(seconds)

    async def _late(self) -> list[tuple[str, str, int]]:
        rows = await self._client.query(
            "SELECT toString(e.source_id), e.group_id,"  # noqa: S608 - as above
            " toUnixTimestamp64Milli(max(x.asked_at))"
            f" FROM {self._events} AS e INNER JOIN"
            " (SELECT toString(source_id) AS source_id, group_id, max(asked_at) AS asked_at"
            f" FROM {self._table} GROUP BY source_id, group_id) AS x"
            " ON toString(e.source_id) = x.source_id AND e.group_id = x.group_id"
            " WHERE e.stored_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
            " AND e.received_at <= x.asked_at GROUP BY e.source_id, e.group_id",
            {"since": self._swept_to},
        )
        return [(str(source), str(customer), int(at)) for source, customer, at in rows]
