"""Events as they appear in the table."""

from typing import Any, Final, NamedTuple

from sinks.clickhouse import ClickHouse

MOST_ROWS: Final = 1_000
"""At one look; of more, the newest."""
OVERLAP_MS: Final = 3_000
"""``stored_at`` is when an insert began, and rows of two are seen in any order."""


class Stored(NamedTuple):
    """A row; ``stored_at`` is Unix ms."""

    stored_at: int
    source_id: str
    event_type: str
    profile_id: str
    event_id: str


class Latest:
    """Looks again and again, and shows every row once.

    Args:
        client: closed by whoever made it.
        source_id: "" for all.
        since: Unix ms; None for now, by ClickHouse's clock.
    """

    def __init__(self, client: ClickHouse, source_id: str, since: int | None) -> None:
        self._client = client
        self._source_id = source_id
        self._since = since
        self._shown: dict[tuple[str, int], None] = {}
        self.skipped = False

    async def look(self) -> list[Stored]:
        """Rows that were not shown yet, the oldest first; ``skipped`` tells of too many.

        Raises:
            Failed: ClickHouse does not answer.
        """
        if self._since is None:
            ((now,),) = await self._client.query("SELECT toUnixTimestamp64Milli(now64(3))")
            self._since = int(now)
            return []
        rows = await self._query(self._since)
        self.skipped = len(rows) > MOST_ROWS
        fresh = [
            row for row in rows[:MOST_ROWS] if (row.event_id, row.stored_at) not in self._shown
        ]
        if rows:
            self._since = max(self._since, rows[0].stored_at - OVERLAP_MS)
        self._shown |= {(row.event_id, row.stored_at): None for row in fresh}
        self._shown = {key: None for key in self._shown if key[1] > self._since}
        return fresh[::-1]

    async def _query(self, since: int) -> list[Stored]:
        term = " AND source_id = {source:String}" if self._source_id else ""
        parameters: dict[str, Any] = {"since": since}
        if self._source_id:
            parameters["source"] = self._source_id
        found = await self._client.query(
            "SELECT toUnixTimestamp64Milli(stored_at), source_id, event_type, profile_id,"  # noqa: S608 - identifiers
            f" toString(event_id) FROM {self._client.database}.events"
            " WHERE stored_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
            f"{term} ORDER BY stored_at DESC LIMIT {MOST_ROWS + 1}",
            parameters,
        )
        return [Stored(int(row[0]), *map(str, row[1:])) for row in found]
