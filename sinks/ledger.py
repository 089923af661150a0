"""Questions of the audit: what the tiers counted, and what the tables hold."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from schemas.erasures import Subjects
from schemas.ledger import ARRAYS, Entry, Tier, entries
from sinks.clickhouse import ClickHouse
from sinks.subjects import subjects

_PAGE: Final = 5_000

EventKey = tuple[str, str]
"""Source and event id."""


class Ledger:
    """One installation's tables; raises Failed where ClickHouse does not answer.

    Args:
        client: its own, for it is closed by :meth:`close`.
    """

    def __init__(self, client: ClickHouse) -> None:
        self._client = client
        self._name = client.database

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def entries(
        self, partition: int, first: Mapping[str, int], since: int
    ) -> dict[Tier, list[Entry]]:
        """What the tiers said of one partition of several topics, the oldest word first.

        Args:
            first: topic -> offset of the first record asked for.
            since: no entry is older, Unix ms.
        """
        rows = await self._client.query(
            "SELECT tier, topic, source_id, toUnixTimestamp(minute) * 1000, "  # noqa: S608 - identifiers
            f"{', '.join(ARRAYS)} FROM {self._name}.ledger WHERE topic IN {{topics:Array(String)}}"
            " AND partition = {partition:UInt32}"
            " AND written_at >= fromUnixTimestamp64Milli({since:Int64}) ORDER BY written_at",
            {"topics": list(first), "partition": partition, "since": since},
        )
        found: dict[Tier, list[Entry]] = {"edge": [], "process": [], "sink": []}
        for tier, topic, source, minute, *arrays in rows:
            unfolded = [(str(source), int(minute), dict(zip(ARRAYS, arrays, strict=True)))]
            found[tier] += [
                entry
                for entry in entries(tier, str(topic), partition, unfolded)
                if entry.offset >= first[topic]
            ]
        return found

    async def rows(self, partition: int, first: int) -> dict[int, int]:
        """Offset of the topic of events -> event ids that are stored from there."""
        found = await self._client.query(
            "SELECT kafka_offset, uniqExact(event_id, source_id)"  # noqa: S608 - identifiers
            f" FROM {self._name}.events WHERE kafka_partition = {{partition:UInt32}}"
            " AND kafka_offset >= {first:UInt64} GROUP BY kafka_offset",
            {"partition": partition, "first": first},
        )
        return {int(offset): int(count) for offset, count in found}

    async def letters(
        self, partition: int, topics: Collection[str], since: int
    ) -> dict[tuple[str, int], int]:
        """Topic and offset -> dead letters about that record that failed since (Unix ms)."""
        found = await self._client.query(
            "SELECT toString(topic), offset, uniqExact(letter_id)"  # noqa: S608 - identifiers
            f" FROM {self._name}.dead_letters WHERE topic IN {{topics:Array(String)}}"
            " AND partition = {partition:Int32}"
            " AND failed_at >= fromUnixTimestamp64Milli({since:Int64}) GROUP BY topic, offset",
            {"topics": list(topics), "partition": partition, "since": since},
        )
        return {(str(topic), int(offset)): int(count) for topic, offset, count in found}

    async def stored(self, wanted: Collection[EventKey]) -> set[EventKey]:
        """Of these events, those that have a row."""
        return await self._among(
            f"SELECT DISTINCT toString(source_id), toString(event_id) FROM {self._name}.events"  # noqa: S608
            " WHERE event_id IN {ids:Array(UUID)}",
            wanted,
        )

    async def buried(self, wanted: Collection[EventKey]) -> set[EventKey]:
        """Of these events, those that have a dead letter."""
        return await self._among(
            f"SELECT DISTINCT toString(source_id), event_id FROM {self._name}.dead_letters"  # noqa: S608
            " WHERE event_id IN {ids:Array(String)}",
            wanted,
        )

    async def erased(self) -> Mapping[EventKey, int]:
        """Source and customer -> when the customer was erased last, Unix ms."""
        rows = await self._client.query(
            "SELECT toString(source_id), group_id, toUnixTimestamp64Milli(max(asked_at))"  # noqa: S608
            f" FROM {self._name}.erasures GROUP BY source_id, group_id"
        )
        return {(str(source), str(group)): int(at) for source, group, at in rows}

    async def people(self) -> Subjects:
        """Who was erased, with all that is one with them."""
        return await subjects(self._client)

    async def expired(self) -> Mapping[str, int]:
        """Source -> up to which time of the event its events were deleted as old, Unix ms."""
        rows = await self._client.query(
            "SELECT toString(source_id), toUnixTimestamp64Milli(max(until))"  # noqa: S608
            f" FROM {self._name}.expirations GROUP BY source_id"
        )
        return {str(source): int(until) for source, until in rows}

    async def _among(self, sql: str, wanted: Collection[EventKey]) -> set[EventKey]:
        found: set[EventKey] = set()
        for page in _pages(sorted({event_id for _, event_id in wanted})):
            rows: Any = await self._client.query(sql, {"ids": page})
            found.update((str(source), str(event_id)) for source, event_id in rows)
        return found.intersection(wanted)


def _pages(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _PAGE):
        yield ids[start : start + _PAGE]
