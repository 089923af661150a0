"""The embedded engine: the only door to chDB."""

import fcntl
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.clickhouse.config import ClickHouseConfig, engine_memory, write_engine_files
from deploy.local.clickhouse.errors import NO_FILES, DataDirectoryLocked, from_engine


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished statement left: its answer and its counters, in rows, bytes and seconds."""

    body: bytes = b""
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
            except RuntimeError as error:
                raise from_engine(error) from error
        return Outcome(
            body=done.bytes() or b"",
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
            except RuntimeError as error:
                raise from_engine(error) from error

    def insert(self, head: bytes, form: str) -> "Insert":
        """Start an INSERT whose data, in format ``form``, is appended piece by piece."""
        with self._lock:
            try:
                return Insert(self._connection.send_insert(head.decode(), form), self._lock)
            except RuntimeError as error:
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
            except RuntimeError as error:
                raise from_engine(error) from error
        return None

    def cancel(self) -> None:
        """Stop the statement; harmless after its end."""
        with self._lock:
            self._inner.cancel()


class Insert:
    """A running INSERT; blocking, one call at a time.

    Appended data becomes visible by :meth:`finish` alone, apart from blocks of more than
    ``max_insert_block_size`` rows, exactly as on a server.
    """

    def __init__(self, inner: Any, lock: threading.Lock) -> None:
        self._inner, self._lock = inner, lock

    def append(self, data: bytes) -> None:
        """Hand over data; an error in it may also surface in a later call."""
        with self._lock:
            try:
                self._inner.append(data)
            except RuntimeError as error:
                raise from_engine(error) from error

    def finish(self) -> Outcome:
        """Write what was appended; returning means it is stored."""
        with self._lock:
            try:
                done = self._inner.finish()
            except RuntimeError as error:
                raise from_engine(error) from error
        return Outcome(
            read_rows=done.rows_written,
            read_bytes=done.bytes_written,
            written_rows=done.rows_written,
            written_bytes=done.bytes_written,
            elapsed=done.elapsed,
        )

    def cancel(self) -> None:
        """Give the INSERT up; harmless after its end."""
        with self._lock:
            self._inner.cancel()


class Engine:
    """The one engine of this process, over ``config.data``. Blocking, usable from any thread."""

    def __init__(self, config: ClickHouseConfig) -> None:
        """Open or create the data directory; takes about a second.

        Raises ``DataDirectoryLocked`` when another process has it open, ``ClickHouseError`` when
        the engine does not start, ``OSError`` when the directory cannot be made.
        """
        config.data.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock(config.data)
        try:
            self._connect = _connector(config)
            # The engine stops with its last connection, so one is kept for the whole life.
            self._root = Handle(self._connect())
            self._plain_default_database(config.data / "store")
            self.version = self._root.run("SELECT version()", "TSVRaw").body.decode().strip()
        except BaseException:
            os.close(self._lock_file)
            raise
        self._reader_settings = {
            "max_memory_usage": str(engine_memory(config) // 2),
            "readonly": "2",
        }

    def _plain_default_database(self, store: Path) -> None:
        """Put an ordinary database in the place of the embedded engine's ``default``.

        That one overlays the file system, so an unknown table is looked up as a file and comes
        back as a missing grant (497) instead of an unknown table (60). Its tables stay where they
        are; the same two statements are run at every start.
        """
        known = (store / "metadata" / "default.sql").exists()
        self._root.run("DETACH DATABASE default", "Null")
        self._root.run(
            "ATTACH DATABASE default" if known else "CREATE DATABASE default ENGINE = Atomic",
            "Null",
        )

    def handle(self, *, reads_only: bool) -> Handle:
        """A new connection; costs about 0.2 ms.

        On a read-only one the engine itself refuses writes, definitions and ``readonly`` being
        taken back, for as long as the handle lives.
        """
        handle = Handle(self._connect())
        if reads_only:
            handle.change(self._reader_settings)
        return handle

    def check(self) -> None:
        """Raise ``ClickHouseError`` when the engine does not answer."""
        self._root.run("SELECT 1", "Null")

    def close(self) -> None:
        """Stop the engine and let go of the data directory; every other handle must be closed."""
        self._root.close()
        os.close(self._lock_file)


def _lock(data: Path) -> int:
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise DataDirectoryLocked(
            f"{data} is in use by process {holder or 'unknown'}: stop that one, "
            "or choose another directory"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _connector(config: ClickHouseConfig) -> Callable[[], Any]:
    # Importing takes most of a second and 200 MB, which a process that only reads the
    # configuration should not pay.
    from chdb import connect, create_function  # noqa: PLC0415

    def opened() -> Any:
        return connect(address)  # type: ignore[no-untyped-call]  # chDB has no type hints here

    store = config.data / "store"
    store.mkdir(exist_ok=True)
    address = f"{store.absolute()}?config-file={write_engine_files(config, config.data.absolute())}"
    try:
        opened()
    except RuntimeError as error:
        raise from_engine(error) from error
    # The function file() reads any file of the machine when the engine is embedded, and no grant
    # covers it. A function of the same name takes its place.
    create_function("file", _no_files, ["String"], "String")
    return opened


def _no_files(_path: str) -> str:
    raise PermissionError(NO_FILES)
