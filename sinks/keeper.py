"""Keeps a view of every collection, and the list of them all, as the catalog changes."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, Protocol

from schemas.catalog import Catalog, Collection
from schemas.journal import Journal, Name
from schemas.metrics import Metrics
from sinks.chores import until_told
from sinks.clickhouse import ClickHouse, identifier
from sinks.databases import Databases
from sinks.listing import TABLE, Listed, listed
from sinks.promotions import Promotions
from sinks.verdict import RETRY, STOP, Failed
from sinks.views import Promoted, View, view_of

LINGER_SECONDS: Final = 0.3
"""From a change to the work: a new collection's properties come in quick succession."""
AGAIN_SECONDS: Final = 2.0
"""From a failure to the next attempt."""
CHECK_SECONDS: Final = 4.0
"""From one look for promoted properties, and attempt at refused views, to the next."""
_TOGETHER: Final = 100
"""Collections looked up with one query."""
SETTINGS: Final = {"max_query_size": 64 << 20, "max_ast_elements": 1_000_000}
"""A view of 2,000 long-named properties has 2 MB of SQL."""

_log: Final = logging.getLogger(__name__)


class Feed(Protocol):
    """What is known of the collections, and what changes."""

    @property
    def catalog(self) -> Catalog:
        """All collections."""

    @property
    def touched(self) -> Journal:
        """When each of them changed last."""

    async def collections_changed(self, seen: int) -> None:
        """Wait until the journal's revision is above ``seen``."""


class Keeper:
    """Makes ClickHouse show what the catalog says.

    What is there is asked, never remembered: several sinks do the same work side by side, and the
    last state that any of them writes is the last of the catalog, for each goes on until it finds
    that one. Views of a deleted source stay, as its events do.

    Args:
        client: its own, for it is closed by :meth:`run`.
        database: that holds the tables.
        cluster: on which views are made, None for one server.
    """

    def __init__(self, client: ClickHouse, database: str, cluster: str | None, feed: Feed) -> None:
        self._client = client
        self._feed = feed
        self._on_cluster = f" ON CLUSTER {identifier(cluster)}" if cluster else ""
        self._home = identifier(database)
        self._databases = Databases(client, database, self._on_cluster)
        self._done = 0
        self._refused: set[Name] = set()
        self._promotions = Promotions(client, database, cluster)
        self._promoted: Promoted = {}

    async def run(
        self,
        stop: asyncio.Event,
        metrics: Metrics,
        *,
        linger: float = LINGER_SECONDS,
        check: float = CHECK_SECONDS,
    ) -> None:
        """Follow the catalog until told to stop."""
        try:
            await until_told(stop, self._forever(metrics, linger, check))
        finally:
            await self._client.close()

    async def _forever(self, metrics: Metrics, linger: float, check: float) -> None:
        """Follow again and again; a store that is away is asked again."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(check):
                    await self._feed.collections_changed(self._done)
                await asyncio.sleep(linger)
            try:
                await self.follow(metrics)
            except Failed as failure:
                metrics.add("headrace_sink_view_failures_total", code=failure.code)
                _log.warning("cannot keep the views: %s", failure.message)
                self._databases.forget()
                await asyncio.sleep(AGAIN_SECONDS)

    async def follow(self, metrics: Metrics) -> None:
        """Bring views and list up to the catalog's last change.

        Raises:
            Failed: with a verdict; the next call begins with the same changes again.
        """
        revision = self._feed.touched.revision
        promoted = await self._promotions.all()
        names = {*self._refused, *self._feed.touched.since(self._done)}
        if promoted != self._promoted:
            names.update(self._feed.touched.since(0))
        found = (self._feed.catalog.get(*name) for name in names)
        for source_id, collections in _by_source(found):
            database = await self._databases.of(source_id)
            events = f"{self._home}.events"
            views = [view_of(each, database, events, promoted) for each in collections]
            await self._list(source_id, [*map(listed, collections, views)])
            await self._show(database, [*zip(collections, views, strict=True)], metrics)
        self._done, self._promoted = revision, promoted

    async def _list(self, source_id: str, rows: Sequence[Listed]) -> None:
        there = await self._client.query(
            f"SELECT digest FROM {self._home}.{TABLE} FINAL"  # noqa: S608 - identifiers
            " WHERE source_id = {source:String} AND digest IN {digests:Array(String)}",
            {"source": source_id, "digests": [row.digest for row in rows]},
        )
        known = {str(digest) for (digest,) in there}
        if missing := [row.line for row in rows if row.digest not in known]:
            await self._client.insert(TABLE, missing)

    async def _show(
        self, database: str, wanted: Sequence[tuple[Collection, View]], metrics: Metrics
    ) -> None:
        there = await self._client.query(
            "SELECT name, comment, engine FROM system.tables WHERE database = {database:String}"
            " AND (engine != 'View' OR comment IN {wanted:Array(String)})",
            {"database": database, "wanted": [view.fingerprint for _, view in wanted]},
        )
        made = {str(comment) for _, comment, engine in there if engine == "View"}
        tables = {str(name) for name, _, engine in there if engine != "View"}
        for collection, view in wanted:
            name = (collection.source_id, collection.name)
            try:
                if view.fingerprint not in made:
                    await self._make(view, tables)
                    metrics.add("headrace_sink_views_total")
                self._refused.discard(name)
            except Failed as failure:
                if failure.verdict == RETRY or failure.code == "unknown-database":
                    raise
                # One that ClickHouse does not want must not keep the others from coming.
                metrics.add("headrace_sink_view_failures_total", code=failure.code)
                if name not in self._refused:
                    _log.warning("no view of %r: %s", name, failure.message)
                self._refused.add(name)

    async def _make(self, view: View, tables: set[str]) -> None:
        if view.name in tables:
            # It would be replaced, with all that is in it.
            where = f"{view.database}.{view.name}"
            raise Failed("name-taken", f"{where} is a table that headrace did not make", STOP)
        await self._client.command(view.create(self._on_cluster), settings=SETTINGS)


def _by_source(
    found: Iterable[Collection | None],
) -> Iterator[tuple[str, tuple[Collection, ...]]]:
    # narrow ones first: the view of a collection as wide as can be takes seconds to make
    known = sorted(filter(None, found), key=lambda each: (each.source_id, len(each.properties)))
    for source_id, collections in groupby(known, key=attrgetter("source_id")):
        together = tuple(collections)
        for start in range(0, len(together), _TOGETHER):
            yield source_id, together[start : start + _TOGETHER]
