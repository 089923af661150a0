"""What the tables know of one event: its rows, its dead letters, and where those went again."""

from collections.abc import Sequence
from typing import Any, Final

from sinks.clickhouse import ClickHouse

_ROW: Final = {
    "source_id": "source_id",
    "protocol": "protocol",
    "kind": "kind",
    "event_type": "event_type",
    "message_id": "message_id",
    "profile_id": "profile_id",
    "session_id": "session_id",
    "valid": "valid",
    "event_time": "toUnixTimestamp64Milli(event_time)",
    "received_at": "toUnixTimestamp64Milli(received_at)",
    "stored_at": "toUnixTimestamp64Milli(stored_at)",
    "partition": "kafka_partition",
    "offset": "kafka_offset",
}
_LETTER: Final = {
    "letter_id": "toString(letter_id)",
    "stage": "stage",
    "code": "code",
    "reason": "reason",
    "source_id": "source_id",
    "topic": "topic",
    "partition": "partition",
    "offset": "offset",
    "failed_at": "toUnixTimestamp64Milli(failed_at)",
    "stored_at": "toUnixTimestamp64Milli(stored_at)",
}
_REPLAY: Final = {
    "letter_id": "toString(letter_id)",
    "topic": "topic",
    "partition": "partition",
    "offset": "offset",
    "replayed_at": "toUnixTimestamp64Milli(replayed_at)",
}

Found = list[dict[str, Any]]
"""Rows by the names above; times are Unix ms."""


class Traces:
    """Looks for one event in the tables.

    Args:
        client: closed by whoever made it.
    """

    def __init__(self, client: ClickHouse) -> None:
        self._client = client

    async def rows(self, event_id: str) -> Found:
        """Rows of ``events``, the newest first; more than one until ClickHouse has merged them.

        Raises:
            Failed: ClickHouse does not answer.
        """
        return await self._find(
            _ROW, "events", "event_id = {id:UUID} ORDER BY stored_at DESC", event_id
        )

    async def letters(self, event_id: str) -> Found:
        """Dead letters, the oldest first; each failure of each record once.

        Raises:
            Failed: ClickHouse does not answer.
        """
        return await self._find(
            _LETTER, "dead_letters FINAL", "event_id = {id:String} ORDER BY failed_at", event_id
        )

    async def replays(self, letter_ids: Sequence[str]) -> Found:
        """Where letters were sent through again, the oldest first.

        Raises:
            Failed: ClickHouse does not answer.
        """
        if not letter_ids:
            return []
        return await self._find(
            _REPLAY,
            "dead_replays FINAL",
            "letter_id IN {id:Array(UUID)} ORDER BY replayed_at",
            list(letter_ids),
        )

    async def _find(self, columns: dict[str, str], table: str, terms: str, wanted: Any) -> Found:
        # Aliases with a prefix: a time as a number must not stand in for its column in terms.
        listed = ", ".join(f"{sql} AS f_{name}" for name, sql in columns.items())
        found = await self._client.query(
            f"SELECT {listed} FROM {self._client.database}.{table} WHERE {terms} LIMIT 1000",  # noqa: S608 - identifiers
            {"id": wanted},
        )
        return [dict(zip(columns, row, strict=True)) for row in found]
