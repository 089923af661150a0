"""The embedded engine: the only door to chDB."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local.clickhouse import default_database
from deploy.local.clickhouse.config import ClickHouseConfig, engine_memory, write_engine_files
from deploy.local.clickhouse.engine_handle import Handle, quoted
from deploy.local.clickhouse.errors import (
    ENGINE_RAISES,
    NO_FILES,
    DataDirectoryLocked,
    from_engine,
)
from deploy.local.clickhouse.spool import Spool


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
            # The engine stops with its last connection, so the first is kept for the whole life.
            self._connect, self._root = _start(config)
            self.version = self._root.run("SELECT version()", "TSVRaw").body.decode().strip()
        except BaseException:
            os.close(self._lock_file)
            raise
        self.spool = Spool(config.data / "spool")
        self._reader_settings = {
            "max_memory_usage": str(engine_memory(config) // 2),
            "readonly": "2",
        }

    def handle(self, *, reads_only: bool) -> Handle:
        """A new connection; costs about 0.2 ms.

        On a read-only one the engine itself refuses writes, definitions and ``readonly`` being
        taken back, for as long as the handle lives.
        """
        handle = Handle(self._connect())
        if reads_only:
            handle.change(self._reader_settings)
        return handle

    def kill(self, mark: str) -> None:
        """Ask the statements whose text contains ``mark`` to end; they fail with 394."""
        self._kill(f"position(query, {quoted(mark)}) > 0 AND query_kind != 'KillQuery'")

    def kill_selects(self) -> None:
        """Ask every SELECT to end; they fail with 394."""
        self._kill("query_kind = 'Select'")

    def _kill(self, condition: str) -> None:
        killer = Handle(self._connect())
        try:
            killer.run(f"KILL QUERY WHERE {condition}", "Null")
        finally:
            killer.close()

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


def _start(config: ClickHouseConfig) -> tuple[Callable[[], Any], Handle]:
    """Start the engine; returns how to connect to it, and the first connection."""
    # Importing takes most of a second and 200 MB, which a process that only reads the
    # configuration should not pay.
    from chdb import connect, create_function  # noqa: PLC0415

    store = config.data / "store"
    store.mkdir(exist_ok=True)
    default_database.set_aside(store)
    address = f"{store.absolute()}?config-file={write_engine_files(config, config.data.absolute())}"

    def opened() -> Any:
        return connect(address)  # type: ignore[no-untyped-call]  # chDB has no type hints here

    try:
        first = Handle(opened())
    except ENGINE_RAISES as error:
        raise from_engine(error) from error
    # The function file() reads any file of the machine when the engine is embedded, and no grant
    # covers it. A function of the same name takes its place.
    create_function("file", _no_files, ["String"], "String")
    default_database.put_in_place(first)
    return opened, first


def _no_files(_path: str) -> str:
    raise PermissionError(NO_FILES)
