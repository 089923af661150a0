"""A database for every source, told from other people's by its comment."""

from itertools import islice
from typing import Final

from sinks.clickhouse import ClickHouse, identifier
from sinks.naming import database_names, literal, quoted
from sinks.verdict import STOP, Failed

_MOST_TRIES: Final = 8


class Databases:
    """The databases of the sources of one installation.

    Args:
        database: that holds the tables; it is part of the comment, so that two installations
            on one server do not take each other's.
        on_cluster: `` ON CLUSTER name`` or "".
    """

    def __init__(self, client: ClickHouse, database: str, on_cluster: str) -> None:
        self._client = client
        self._home = identifier(database)
        self._on_cluster = on_cluster
        self._known: dict[str, str] = {}

    async def of(self, source_id: str) -> str:
        """Return the name of a source's database, which is made where there is none.

        Raises:
            Failed: with a verdict; ``database-taken`` where every name is another's.
        """
        if source_id not in self._known:
            self._known[source_id] = await self._find(source_id)
        return self._known[source_id]

    def forget(self) -> None:
        """Look again at what is there: somebody may have dropped a database."""
        self._known.clear()

    async def _find(self, source_id: str) -> str:
        ours = f"headrace: the events of source {source_id} in {self._home}"
        there = await self._there()
        for name, comment in there.items():
            if comment == ours:
                return name
        for name in islice(database_names(source_id, (self._home,)), _MOST_TRIES):
            if name in there:
                continue
            await self._client.command(
                f"CREATE DATABASE IF NOT EXISTS {quoted(name)}{self._on_cluster}"
                f" COMMENT {literal(ours)}"
            )
            there = await self._there()
            # Another source of the same wish may have been faster.
            if there.get(name) == ours:
                return name
        raise Failed("database-taken", f"no name is free for a database of {source_id}", STOP)

    async def _there(self) -> dict[str, str]:
        rows = await self._client.query("SELECT name, comment FROM system.databases ORDER BY name")
        return {str(name): str(comment) for name, comment in rows}
