"""Dead letters about people who were erased, found by what is in them, and deleted."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from schemas.erasures import Subjects, named_in
from schemas.vendor import Vendor
from sinks.clickhouse import ClickHouse, identifier
from sinks.letters import original_of
from sinks.profiles import asked
from sinks.subjects import moment

_PAGE: Final = 500
"""Letters looked at with one query: of 1 MB each at the most, and few of those."""

Vendors = Callable[[str], Vendor | None]


class Purge:
    """Looks into dead letters.

    Args:
        vendors: finds a vendor module by the name of its protocol.
        cluster: on which rows are deleted, None for one server.
    """

    def __init__(self, client: ClickHouse, vendors: Vendors, cluster: str | None = None) -> None:
        self._client = client
        self._vendors = vendors
        self._name = client.database
        self._on = f" ON CLUSTER {identifier(cluster)}" if cluster else ""

    async def letters(self, subjects: Subjects, since: int) -> int:
        """Delete letters stored since (Unix ms) of people who were erased after they had failed.

        The ids of their events stay behind, so that the audit knows what became of them.

        Returns:
            The number of letters.

        Raises:
            Failed: with a verdict; again is fine.
        """
        after, count = "", 0
        while subjects and (page := await self._page(since, after)):
            after = page[-1][0]
            found = [row for row in page if self._is_about(subjects, row)]
            if found:
                await self._note(found)
                for ids in asked(str(row[0]) for row in found):
                    await self._client.command(
                        f"DELETE FROM {self._name}.dead_letters{self._on}"  # noqa: S608 - identifiers
                        " WHERE letter_id IN {ids:Array(UUID)}",
                        {"ids": ids},
                    )
                count += len(found)
        return count

    async def _page(self, since: int, after: str) -> Sequence[Sequence[Any]]:
        return await self._client.query(
            "SELECT toString(letter_id) AS letter, source_id, event_id, original,"  # noqa: S608
            " original_encoding, toUnixTimestamp64Milli(failed_at)"
            f" FROM {self._name}.dead_letters WHERE stored_at >= {moment('since')}"
            f" AND letter > {{after:String}} ORDER BY letter LIMIT {_PAGE}",
            {"since": since, "after": after},
        )

    def _is_about(self, subjects: Subjects, row: Sequence[Any]) -> bool:
        _, source_id, _, original, encoding, failed_at = row
        named = named_in(original_of(original, encoding), self._vendors, int(failed_at))
        return subjects.has(str(source_id), named)

    async def _note(self, rows: Sequence[Sequence[Any]]) -> None:
        """Keep the ids of their events; the same for whichever erasure."""
        await self._client.command(
            f"INSERT INTO {self._name}.erased_ids (kind, source_id, id, digest, asked_at)"  # noqa: S608
            " SELECT 'letter', source.1, hex(sipHash128('letter', source.1, source.2)),"
            " hex(SHA256(concat('letter', '\\0', source.1, '\\0', source.2))), now64(3) FROM"
            " (SELECT arrayJoin(arrayZip({sources:Array(String)}, {events:Array(String)}))"
            " AS source)",
            {"sources": [str(row[1]) for row in rows], "events": [str(row[2]) for row in rows]},
        )
