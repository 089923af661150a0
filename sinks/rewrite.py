"""Deleted rows out of the files: a lightweight deletion hides them, a rewrite is rid of them."""

from typing import Any, Final

from sinks.clickhouse import ClickHouse, identifier
from sinks.kin import Subject
from sinks.subjects import ids_of, moment, of_person

TABLES: Final = (
    "events",
    "session_states",
    "profile_changes",
    "profile_states",
    "profile_overrides",
    "dead_letters",
)
"""Tables that hold something of people."""
_ALL: Final = {"apply_deleted_mask": 0}
"""Shows hidden rows, too."""


class Rewrite:
    """Rewrites parts of tables that hide rows, and counts what is left of a person.

    Args:
        cluster: on which tables are rewritten, None for one server.
    """

    def __init__(self, client: ClickHouse, cluster: str | None = None) -> None:
        self._client = client
        self._name = client.database
        self._on = f" ON CLUSTER {identifier(cluster)}" if cluster else ""

    async def hiding(self, seconds: float) -> bool:
        """Tell whether rows were hidden so long ago and are in the files still."""
        rows = await self._client.query(
            "SELECT count() FROM system.parts WHERE database = {database:String} AND active"
            " AND has_lightweight_delete AND modification_time <= now() - {seconds:Float64}",
            {"database": self._name, "seconds": seconds},
        )
        return bool(rows[0][0])

    async def begin(self) -> None:
        """Have the server rewrite every part that hides rows, in the background.

        Raises:
            Failed: with a verdict; again is fine.
        """
        busy = await self._client.query(
            "SELECT DISTINCT table FROM system.mutations WHERE database = {database:String}"
            " AND NOT is_done",
            {"database": self._name},
        )
        hiding = await self._client.query(
            "SELECT DISTINCT table FROM system.parts WHERE database = {database:String}"
            " AND active AND has_lightweight_delete",
            {"database": self._name},
        )
        tables = {str(row[0]) for row in hiding} if not self._on else set(TABLES)
        for table in sorted(tables - {str(row[0]) for row in busy}):
            await self._client.command(
                f"ALTER TABLE {self._name}.{identifier(table)}{self._on} APPLY DELETED MASK",
                settings={"mutations_sync": 0},
            )

    async def survivors(self, subject: Subject) -> dict[str, int]:
        """Count what the files of each table still have of a person, hidden or not."""
        found = {}
        for table, terms in _terms(self._name).items():
            rows = await self._client.query(
                f"SELECT count() FROM {self._name}.{table} WHERE {terms}",  # noqa: S608 - identifiers
                _given(subject),
                _ALL,
            )
            found[table] = int(rows[0][0])
        return found


def _terms(database: str) -> dict[str, str]:
    """What is of a person; where a row does not tell, all that was hidden by then."""
    ids = ids_of(database, "profile", one=True)
    until, hidden = moment("until"), f"_row_exists = 0 AND stored_at <= {moment('hidden')}"
    return {
        "events": f"received_at <= {until} AND {of_person(database)}",
        "session_states": "_row_exists = 0"
        f" OR (finalizeAggregation(profile_id) IN {ids} AND ended <= {until})",
        "profile_changes": f"profile_id IN {ids} AND received_at <= {until}",
        "profile_states": f"hasAny(members, (SELECT groupUniqArray(id) FROM {ids}))"  # noqa: S608
        " AND version <= {cut:UInt64}",
        "profile_overrides": f"({hidden}) AND profile_id IN {ids}",
        "dead_letters": hidden,
    }


def _given(subject: Subject) -> dict[str, Any]:
    return {
        "erasure": subject.erasure_id,
        "until": subject.asked_at,
        "hidden": max(subject.hidden_at, subject.found_at),
        "cut": subject.cut,
    }
