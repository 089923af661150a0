"""Rows that their source keeps no longer, deleted day by day."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

from schemas import codec
from schemas.events import iso
from schemas.metrics import Metrics
from schemas.sources import Registry, Source
from sinks.chores import until_told
from sinks.clickhouse import ClickHouse, identifier
from sinks.rewrite import Rewrite
from sinks.subjects import moment
from sinks.verdict import Failed

LOOK_SECONDS: Final = 60.0
"""From one look to the next: what comes late and is too old is gone so soon."""
DAY_MS: Final = 86_400_000

_PARTITION: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_TERMS: Final = {
    "events": f"source_id = {{source:String}} AND event_time < {moment('until')}",
    "dead_letters": f"source_id = {{source:String}} AND failed_at < {moment('until')}",
    # of a session that went on there may be a row that ends before
    "session_states": "source_id = {source:String} AND session_id IN (SELECT session_id"  # noqa: S608
    " FROM @.session_states WHERE source_id = {source:String} GROUP BY session_id"
    f" HAVING max(ended) < {moment('until')})",
}
_WITH_IP: Final = f"{_TERMS['events']} AND ip != ''"

_log: Final = logging.getLogger(__name__)


def oldest(now_ms: int, days: int) -> int:
    """Begin of the oldest day that is kept, Unix ms: whole days, so one deletion each is enough."""
    return now_ms // DAY_MS * DAY_MS - days * DAY_MS


class Feed(Protocol):
    """What is known of sources."""

    @property
    def registry(self) -> Registry:
        """All of them."""

    @property
    def version(self) -> int:
        """Grows with every change of a source."""

    async def changed(self, seen: int) -> int:
        """Wait until the version is above ``seen``."""


class Retention:
    """Deletes by the time of the event, where a source says for how long it keeps events.

    Profiles stay: what was once said of somebody may be what is known today.

    Args:
        client: its own, for it is closed by :meth:`run`.
        clock: Unix ms.
        cluster: on which rows are deleted, None for one server.
    """

    def __init__(
        self,
        client: ClickHouse,
        feed: Feed,
        clock: Callable[[], int],
        metrics: Metrics,
        cluster: str | None = None,
    ) -> None:
        self._client = client
        self._feed = feed
        self._clock = clock
        self._metrics = metrics
        self._name = client.database
        self._on = f" ON CLUSTER {identifier(cluster)}" if cluster else ""
        self._rewrite = Rewrite(client, cluster)

    async def run(self, stop: asyncio.Event, *, seconds: float = LOOK_SECONDS) -> None:
        """Look until told to stop."""
        try:
            await until_told(stop, self._forever(seconds))
        finally:
            await self._client.close()

    async def expire(self) -> None:
        """Delete what is too old now, of every source.

        Raises:
            Failed: with a verdict; again is fine.
        """
        registry = self._feed.registry
        another_day = False
        for source in filter(None, map(registry.get, registry.ids())):
            if source.retention_days:
                another_day |= await self._expire(source)
            if source.ip_retention_days:
                await self._forget_addresses(source)
        if another_day:
            await self._rewrite.begin()

    async def _forever(self, seconds: float) -> None:
        while True:
            version = self._feed.version
            try:
                await self.expire()
            except Failed as failure:
                self._metrics.add("headrace_sink_sweep_failures_total", code=failure.code)
                _log.warning("cannot delete what is too old: %s", failure.message)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._feed.changed(version)

    async def _expire(self, source: Source) -> bool:
        """Delete a source's old rows; tell whether there was another day to delete."""
        until = oldest(self._clock(), source.retention_days)
        given = {"source": source.id, "until": until}
        ((known,),) = await self._client.query(
            f"SELECT toUnixTimestamp64Milli(max(until)) FROM {self._name}.expirations"  # noqa: S608
            " WHERE source_id = {source:String}",
            given,
        )
        if int(known) < until:
            value = {"source_id": source.id, "until": iso(until)}
            await self._client.insert("expirations", [codec.dumps(value) + b"\n"])
        found = 0
        for table, written in _TERMS.items():
            terms = written.replace("@", self._name)
            for partition, rows in await self._partitions(table, terms, given):
                await self._client.command(
                    f"DELETE FROM {self._name}.{table}{self._on}"  # noqa: S608 - identifiers
                    f" IN PARTITION ID '{partition}' WHERE {terms}",
                    given,
                    {"allow_nondeterministic_mutations": 1},
                )
                self._metrics.add("headrace_expired_rows_total", rows, table=table)
                found += rows
        if found:
            _log.info("source %s: %d rows were too old", source.id, found)
        return bool(found) and int(known) < until

    async def _forget_addresses(self, source: Source) -> None:
        busy = await self._client.query(
            "SELECT count() FROM system.mutations WHERE database = {database:String}"
            " AND table = 'events' AND NOT is_done",
            {"database": self._name},
        )
        if busy[0][0]:
            return
        given = {"source": source.id, "until": oldest(self._clock(), source.ip_retention_days)}
        for partition, rows in await self._partitions("events", _WITH_IP, given):
            await self._client.command(
                f"ALTER TABLE {self._name}.events{self._on} UPDATE ip = ''"
                f" IN PARTITION ID '{partition}' WHERE {_WITH_IP}",
                given,
                {"mutations_sync": 0},
            )
            self._metrics.add("headrace_expired_rows_total", rows, table="events.ip")

    async def _partitions(
        self, table: str, terms: str, given: dict[str, Any]
    ) -> list[tuple[str, int]]:
        """List the partitions that have such rows, and how many; most looks find none."""
        rows = await self._client.query(
            f"SELECT _partition_id AS id, count() FROM {self._name}.{table}"  # noqa: S608
            f" WHERE {terms} GROUP BY id ORDER BY id",
            given,
        )
        return [(str(each), int(count)) for each, count in rows if _PARTITION.fullmatch(str(each))]
