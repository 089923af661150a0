"""One connection to the embedded engine, and what runs on it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from deploy.local.clickhouse.errors import ENGINE_RAISES, from_engine


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished statement left: its answer and its counters, in rows, bytes and seconds.

    The answer is in ``body``, or in ``file`` if it is large; ``size`` is its length either way.
    """

    body: bytes = b""
    file: BinaryIO | None = None
    size: int = 0
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed: float = 0.0


def quoted(text: str) -> str:
    """``text`` as a string literal of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """``name`` as a quoted identifier of ClickHouse's SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Handle:
    """One connection to the engine: its settings, current database and temporary tables.

    Methods block and may be called from any thread; a lock keeps them from overlapping, because a
    statement on a handle that is already streaming silently answers nothing. Each raises
    ``ClickHouseError`` with the engine's own code.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def run(self, sql: bytes | str, form: str, params: Mapping[str, str] | None = None) -> Outcome:
        """Run one statement to its end and return its answer in format ``form``."""
        with self._lock:
            try:
                done = self._connection.query(sql, form, params=dict(params or {}))
            except ENGINE_RAISES as error:
                raise from_engine(error) from error
        body = done.bytes() or b""
        return Outcome(
            body=body,
            size=len(body),
            read_rows=done.storage_rows_read(),
            read_bytes=done.storage_bytes_read(),
            written_rows=done.rows_written(),
            written_bytes=done.bytes_written(),
            result_rows=done.rows_read(),
            elapsed=done.elapsed(),
        )

    def change(self, settings: Mapping[str, str]) -> None:
        """Apply settings to this handle; an unknown one raises code 115."""
        if settings:
            pairs = ", ".join(f"{identifier(k)} = {quoted(v)}" for k, v in settings.items())
            self.run(f"SET {pairs}", "Null")

    def stream(self, sql: bytes, form: str, params: Mapping[str, str]) -> "Stream":
        """Start a statement whose answer is fetched block by block.

        Only for formats in which blocks can simply follow each other: each block is encoded by
        itself, so a format with a head or a foot would repeat it.
        """
        with self._lock:
            try:
                return Stream(
                    self._connection.send_query(sql, form, params=dict(params)), self._lock
                )
            except ENGINE_RAISES as error:
                raise from_engine(error) from error

    def close(self) -> None:
        """Close the connection, after the call that is running on it, if any."""
        with self._lock:
            self._connection.close()


class Stream:
    """A running statement's answer; blocking, one call at a time."""

    def __init__(self, inner: Any, lock: threading.Lock) -> None:
        self._inner, self._lock = inner, lock

    def fetch(self) -> bytes | None:
        """Return the next piece, None after the last; raises ``ClickHouseError``."""
        with self._lock:
            try:
                while (block := self._inner.fetch()) is not None:
                    if piece := block.bytes():
                        return bytes(piece)
            except ENGINE_RAISES as error:
                raise from_engine(error) from error
        return None

    def cancel(self) -> None:
        """Stop the statement; harmless after its end."""
        with self._lock:
            self._inner.cancel()
