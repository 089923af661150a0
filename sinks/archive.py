"""Stored events, asked and erased at the wish of a client."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas import codec
from schemas.commands import Profile, SelectProfiles
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.events import iso
from schemas.named import NAMED, Asked
from schemas.query import Query
from sinks import named
from sinks import select as writing
from sinks.clickhouse import ClickHouse, identifier
from sinks.erasures import Erasures
from sinks.select_profiles import select_profiles
from sinks.types import named as types_of
from sinks.types import top_level
from sinks.verdict import RETRY, Failed

ASK_SECONDS: Final = 12
"""Longest wait for an answer; above ``max_execution_time``, so that the server gives up first."""
MAX_COLLECTIONS: Final = 2_000
MAX_PROPERTIES: Final = 2_000

_ASKING: Final[Mapping[str, Any]] = {
    "readonly": 2,
    "max_execution_time": 10,
    "max_rows_to_read": 500_000_000,
    "max_memory_usage": 1 << 30,
    "max_result_bytes": 16 << 20,
    "result_overflow_mode": "throw",
    "timeout_overflow_mode": "throw",
}
# What was seen is a fact about what has been read so far: a part of the rows says most of it.
_OBSERVING: Final[Mapping[str, Any]] = {
    "readonly": 2,
    "max_execution_time": 5,
    "max_rows_to_read": 20_000_000,
    "max_memory_usage": 1 << 30,
    "read_overflow_mode": "break",
    "timeout_overflow_mode": "break",
}
_TOO_MUCH: Final = frozenset(
    {
        "timeout-exceeded",
        "too-slow",
        "too-many-rows",
        "too-many-bytes",
        "too-many-rows-or-bytes",
        "memory-limit-exceeded",
        "query-was-cancelled",
    }
)
_NOT_THE_QUERY: Final = frozenset(
    {
        "unknown-table",
        "unknown-database",
        "unknown-setting",
        "unknown-user",
        "wrong-password",
        "readonly",
        "access-denied",
        "authentication-failed",
    }
)
_WHOLE_SERVER: Final = "(total)"
_EXACT: Final = 1 << 53
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_log: Final = logging.getLogger(__name__)


class Archive:
    """The events of all sources, as rows.

    Args:
        client: its own, for it is closed by :meth:`close`.
        database: that holds the tables.
        cluster: on which rows are erased, None for one server.
    """

    def __init__(self, client: ClickHouse, database: str, cluster: str | None = None) -> None:
        self._client = client
        self._database = database
        self._events = f"{identifier(database)}.events"
        self._erasures = Erasures(client, database, cluster)

    async def select(
        self, source_id: str, query: Query, customer: str = ""
    ) -> list[dict[str, Any]]:
        """Answer a question from one source's rows, and one customer's unless that is "".

        Returns:
            The rows, each by the query's labels; what has no value is None, times are Unix ms.

        Raises:
            Malformed: ``query-too-expensive`` or ``query-refused``.
            Unavailable: ``store-unavailable``.
        """
        sql, parameters = writing.select(self._events, source_id, customer, query)
        rows = await self._ask(sql, parameters, _ASKING)
        if query.lists_events:
            return [_event(row) for row in rows]
        labels = [each.label for each in query.groups]
        keys = len(labels)
        labels += [query.step_label] if query.step else []
        labels += [each.label for each in query.computations]
        return [
            dict(zip(labels, [*map(_value, row[:keys]), *map(_number, row[keys:])], strict=True))
            for row in rows
        ]

    async def run(self, source_id: str, asked: Asked, customer: str = "") -> list[dict[str, Any]]:
        """Answer a named query from one source's rows, and one customer's unless that is "".

        Returns:
            The rows, by the columns of :data:`schemas.named.NAMED`; times are ISO 8601, UTC.

        Raises:
            Malformed: ``query-too-expensive`` or ``query-refused``.
            Unavailable: ``store-unavailable``.
        """
        sql, parameters = named.statement(self._database, source_id, customer, asked)
        rows = await self._ask(sql, parameters, _ASKING)
        names = NAMED[asked.name].columns
        return [dict(zip(names, map(_shown, row), strict=True)) for row in rows]

    async def profiles(self, asked: SelectProfiles) -> list[Profile]:
        """Find users of a source.

        Raises:
            Malformed: ``query-too-expensive``.
            Unavailable: ``store-unavailable``.
        """
        sql, parameters = select_profiles(self._database, asked)
        rows = await self._ask(sql, parameters, _ASKING)
        return [
            Profile(tuple(users), codec.loads(traits), int(first), int(last))
            for users, traits, first, last in rows
        ]

    async def erase(self, source_id: str, customer: str) -> int:
        """Delete a customer's rows of a source; those on their way go when they are stored.

        Returns:
            The number of events that were there.

        Raises:
            Unavailable: ``store-unavailable``; asking again is safe.
        """
        try:
            return await self._erasures.erase(source_id, customer)
        except Failed as failure:
            raise _unavailable(failure) from failure

    async def properties(self, source_id: str) -> dict[str, dict[str, str]]:
        """Tell which properties were seen: event type -> property -> type.

        Names are those of the top level. Of a source with very many rows a part is looked at.

        Raises:
            Unavailable: ``store-unavailable``.
        """
        sql, parameters = writing.observed(self._events, source_id, MAX_COLLECTIONS)
        rows = await self._ask(sql, parameters, _OBSERVING)
        return {name: types_of(top_level(paths, MAX_PROPERTIES)) for name, paths in rows}

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def _ask(
        self, sql: str, parameters: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await self._client.query(sql, parameters, settings)
        except TimeoutError as error:
            raise Unavailable("store-unavailable", "the store does not answer in time") from error
        except Failed as failure:
            raise _refusal(failure) from failure


def _refusal(failure: Failed) -> HeadraceError:
    if failure.code in _TOO_MUCH and _WHOLE_SERVER not in failure.message:
        return Malformed(
            "query-too-expensive",
            "the query reads or computes too much: ask for a shorter period, or filter",
        )
    if failure.verdict == RETRY or failure.code in _NOT_THE_QUERY:
        return _unavailable(failure)
    _log.warning("a query that should not have come so far: %s", failure.code)
    return Malformed("query-refused", f"the query cannot be computed: {failure.code}")


def _unavailable(failure: Failed) -> Unavailable:
    """The store's own words stay in the log of the store: they tell of tables and of others."""
    return Unavailable("store-unavailable", f"the store cannot answer now ({failure.code})")


def _event(row: Sequence[Any]) -> dict[str, Any]:
    event = dict(zip(writing.LISTED, row, strict=True))
    event["properties"] = codec.loads(event["properties"])
    return event


def _value(json: str | None) -> Any:
    return None if json is None else codec.loads(json)


def _shown(value: Any) -> Any:
    if not isinstance(value, datetime):
        return _number(value)
    # The driver leaves out the zone of a column in UTC.
    return iso((value.replace(tzinfo=UTC) - _EPOCH) // _MS)


def _number(value: Any) -> Any:
    """A whole number is written as one."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
