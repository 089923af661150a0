"""The only door to clickhouse-connect."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from clickhouse_connect import get_async_client
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from sinks.verdict import STOP, Failed, judge, row_of

INSERT_SECONDS: Final = 60
"""Longest wait for an answer; above ``max_execution_time``, so that the server gives up first."""
CHUNK_BYTES: Final = 256 << 10

# Explicit, because the defaults differ by version: since 26.2 a server would collect inserts
# (async_insert) and swallow a repeated one (deduplicate_insert), which loses rows: a line of the
# deduplication log is written before its part, and the server may die in between. Inferred dates
# would change the type of a property by its text. Collapsing the rows of an insert among each other
# takes a third of its time, and the sink has done it before.
INSERT_SETTINGS: Final[Mapping[str, Any]] = {
    "async_insert": 0,
    "optimize_on_insert": 0,
    "deduplicate_insert": "disable",
    "insert_deduplicate": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 0,
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "input_format_skip_unknown_fields": 0,
    "date_time_input_format": "best_effort",
    "type_json_skip_duplicated_paths": 1,
    "wait_end_of_query": 1,
    "max_execution_time": 55,
}

# What the driver wraps around ClickHouse's own words.
_WRAPPING: Final = re.compile(
    r"^Received ClickHouse exception, code: \d+, server response: "
    r"|\s*\(version [^()]*(?:\([^()]*\))?\)| \(for url \S+\)$"
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,126}")


def identifier(name: str) -> str:
    """Return the name of a database, table or cluster, which SQL cannot take as a parameter.

    Raises:
        Failed: code ``name-invalid`` for anything that would need quoting.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise Failed("name-invalid", f"{name!r} must be letters, digits and '_'", STOP)
    return name


class ClickHouse:
    """A ClickHouse server, or what speaks like one.

    Connects on first use and again after a failure. Every name in SQL is qualified, since the
    database need not exist yet.

    Args:
        url: ``http://user:password@host:port/database``, or https.
        seconds: longest wait for one answer.
    """

    def __init__(self, url: str, *, seconds: float = INSERT_SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Failed(
                "url-invalid", "give ClickHouse as http://user:password@host:port/database"
            )
        self.database = identifier(unquote(parts.path.strip("/")) or "headrace")
        self._address: dict[str, Any] = {
            "interface": parts.scheme,
            "host": parts.hostname,
            "port": parts.port or (8443 if parts.scheme == "https" else 8123),
            "username": unquote(parts.username or "default"),
            "password": unquote(parts.password or ""),
        }
        self._seconds = seconds
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._settings: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"ClickHouse({self._address['host']}:{self._address['port']}/{self.database})"

    async def insert(
        self, table: str, lines: Iterable[bytes | memoryview], *, query_id: str | None = None
    ) -> int:
        """Insert JSON lines; the pieces of ``lines`` are sent one after the other as they are.

        Returns:
            The number of rows that ClickHouse says it has written to the table and its views.

        Raises:
            Failed: with a verdict; one without an answer may have landed all the same.
        """
        client = await self._connected()
        # clickhouse-connect sends a body of bytes again when the connection is cut before the
        # answer, and the rows twice; a stream it cannot send again.
        body = _chunks(lines)
        settings = self._settings | ({"query_id": query_id} if query_id else {})
        name = f"{self.database}.{identifier(table)}"
        try:
            async with asyncio.timeout(self._seconds):
                summary = await client.raw_insert(
                    name, insert_block=body, settings=settings, fmt="JSONEachRow"
                )
        except Exception as error:
            raise _failed(error) from error
        return int(summary.summary.get("written_rows", 0))

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Sequence[Sequence[Any]]:
        """Run a SELECT; values go in as ``{name:Type}`` parameters only.

        Raises:
            Failed: with a verdict.
        """
        client = await self._connected()
        try:
            async with asyncio.timeout(self._seconds):
                result = await client.query(
                    sql, parameters=dict(parameters or {}), settings=dict(settings or {})
                )
        except Exception as error:
            raise _failed(error) from error
        rows: Sequence[Sequence[Any]] = result.result_rows
        return rows

    async def command(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a statement that returns nothing, such as DDL or INSERT SELECT.

        Raises:
            Failed: with a verdict.
        """
        client = await self._connected()
        try:
            async with asyncio.timeout(self._seconds):
                await client.command(
                    sql, parameters=dict(parameters or {}), settings=dict(settings or {})
                )
        except Exception as error:
            raise _failed(error) from error

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                client = await self._connect()
                known = client.server_settings.keys() | {"wait_end_of_query"}
                self._settings = {k: v for k, v in INSERT_SETTINGS.items() if k in known}
                self._client = client
            return self._client

    async def _connect(self) -> AsyncClient:
        try:
            async with asyncio.timeout(self._seconds):
                return await get_async_client(
                    **self._address,
                    compress=False,
                    # in the body: some of what stands between bounds addresses to a few KiB
                    form_encode_query_params=True,
                    connect_timeout=5,
                    send_receive_timeout=self._seconds,
                    autogenerate_session_id=False,
                    show_clickhouse_errors=True,
                    query_retries=0,
                )
        except Exception as error:
            raise _failed(error) from error


async def _chunks(lines: Iterable[bytes | memoryview]) -> AsyncIterator[bytes]:
    pieces: list[bytes | memoryview] = []
    size = 0
    for piece in lines:
        pieces.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)


def _failed(error: Exception) -> Failed:
    """Translate what the driver raises; a bug in this room passes through unchanged."""
    if isinstance(error, TimeoutError):
        return Failed("no-answer", "ClickHouse did not answer in time")
    if not isinstance(error, ClickHouseError | OSError):
        raise error
    number = error.code if isinstance(error, Error) else None
    name = error.name if isinstance(error, Error) and number is not None else None
    message = _WRAPPING.sub("", str(error))
    code = (name or ("no-answer" if number is None else f"clickhouse-{number}")).lower()
    return Failed(code.replace("_", "-"), message, judge(number, message), row_of(message))
