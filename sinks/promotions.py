"""Properties with a column of their own in ``events``, which is read without the others."""

from hashlib import sha256
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from sinks.clickhouse import ClickHouse, identifier
from sinks.columns import column_type, expression
from sinks.naming import literal
from sinks.views import Promoted

MOST: Final = 100
"""Columns: every part of the table has files for each of them."""
_COMMENT: Final = "headrace property "


class Promotions:
    """What was promoted, by the comments of the columns themselves.

    A column is of all sources: it holds the property of that name, read as that type. Rows that
    were there before are not rewritten: their values are computed when they are read, until a
    merge writes them.

    Args:
        database: that holds the tables.
        cluster: on which the table is altered, None for one server.
    """

    def __init__(self, client: ClickHouse, database: str, cluster: str | None = None) -> None:
        self._client = client
        self._home = identifier(database)
        self._on_cluster = f" ON CLUSTER {identifier(cluster)}" if cluster else ""

    async def all(self) -> Promoted:
        """Tell what is promoted.

        Raises:
            Failed: with a verdict.
        """
        rows = await self._client.query(
            "SELECT name, comment FROM system.columns WHERE database = {database:String}"
            " AND table = 'events' AND startsWith(comment, {comment:String})",
            {"database": self._home, "comment": _COMMENT},
        )
        return {_read(str(comment)): str(name) for name, comment in rows}

    async def promote(self, source_id: str, collection: str, name: str) -> str:
        """Give a property a column as the type that it has in a collection.

        Returns:
            The column's name.

        Raises:
            Malformed: ``property-unknown``, or ``too-many-promoted`` (409).
            Failed: with a verdict; again is fine.
        """
        types = await self._client.query(
            f"SELECT type FROM {self._home}.collections WHERE source_id = {{source:String}}"  # noqa: S608 - an identifier
            " AND collection = {collection:String} AND property = {name:String} AND type != ''",
            {"source": source_id, "collection": collection, "name": name},
        )
        if not types:
            message = f"collection {collection!r} of {source_id} has no property {name!r}"
            raise Malformed("property-unknown", message)
        kind = str(types[0][0])
        there = await self.all()
        if (name, kind) in there:
            return there[name, kind]
        if len(there) >= MOST:
            message = f"{MOST} properties are promoted already: drop a column of events first"
            raise Malformed("too-many-promoted", message, status=409)
        column = f"p_{sha256(codec.dumps([name, kind])).hexdigest()[:16]}"
        await self._client.command(
            f"ALTER TABLE {self._home}.events{self._on_cluster}"
            f" ADD COLUMN IF NOT EXISTS {column} {column_type(kind)}"
            f" MATERIALIZED {expression(name, kind, 'properties')}"
            f" COMMENT {literal(_COMMENT + codec.dumps([name, kind]).decode())}"
        )
        return column


def _read(comment: str) -> tuple[str, str]:
    value: Any = codec.loads(comment.removeprefix(_COMMENT).encode())
    name, kind = value
    return str(name), str(kind)
