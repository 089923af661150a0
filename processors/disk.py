"""State on disk, in RocksDB; this room's door to rocksdict.

Each partition is a database of its own: its files stay when the partition moves to another
worker and, when it comes back, only what the changelog has since is read. States are written
when the changelog has them, in one atomic write together with its offset. So the files never
know more than the changelog, and a crash of the machine (nothing is fsynced) leaves an older
moment of both.
"""

import shutil
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from processors.pack import Items
from schemas.errors import Unavailable

_OFFSET: Final = b"\xff\xffoffset"
"""No state's key begins so: those begin with a source's id in UTF-8, which has no 0xff."""
_WAITING: Final = 4096
_PAGE: Final = 256
_CACHE_BYTES: Final = 16 << 20
_BUFFER_BYTES: Final = 4 << 20
_OPEN_FILES: Final = 64
_BLOOM_BITS: Final = 10
_Nothing = object()


def _options(cache: Cache) -> Options:
    """Bound the memory of many small databases in one process; RocksDB's own bounds are GBs."""
    tables = BlockBasedOptions()
    tables.set_block_cache(cache)
    tables.set_cache_index_and_filter_blocks(True)
    tables.set_bloom_filter(_BLOOM_BITS, block_based=False)
    options = Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    options.set_block_based_table_factory(tables)
    options.set_write_buffer_size(_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_max_open_files(_OPEN_FILES)
    options.set_keep_log_file_num(2)
    options.set_stats_dump_period_sec(0)
    options.set_stats_persist_period_sec(0)
    return options


class Cupboard:
    """Where a worker's shelves are; they share one block cache.

    Args:
        directory: of this worker alone; RocksDB lets one process in at a time.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._cache = Cache(_CACHE_BYTES)

    def open(self, partition: int) -> "DiskShelf":
        """Open a partition's shelf, made where there is none.

        Raises:
            Unavailable: ``store-unusable`` when the files are another process's or broken.
        """
        path = self._directory / str(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return DiskShelf(Rdict(str(path), options=_options(self._cache)))
        except Exception as error:  # the only type that rocksdict raises
            raise Unavailable(
                "store-unusable",
                f"the state in {path} cannot be opened: {error}. Give every worker a directory "
                "of its own (--worker); broken files may be removed, Kafka has all that is in them",
            ) from error

    def remove(self, partition: int) -> None:
        """Remove the files of a closed shelf."""
        shutil.rmtree(self._directory / str(partition), ignore_errors=True)


class DiskShelf:
    """The state of one partition: a database, and in memory what the changelog lacks yet."""

    def __init__(self, database: Rdict) -> None:
        self._database: Rdict | None = database
        self._fresh: dict[bytes, bytes | None] = {}
        self._owed: list[bytes] = []
        self.offset = int(database.get(_OFFSET) or -1)

    def get(self, key: bytes) -> bytes | None:
        """Look a state up."""
        state = self._fresh.get(key, _Nothing)
        if state is _Nothing and self._database is not None:
            state = self._database.get(key)
        return state if isinstance(state, bytes) else None

    def __setitem__(self, key: bytes, state: bytes | None) -> None:
        # at the end, where the latest are
        self._fresh.pop(key, None)
        self._fresh[key] = state

    def __delitem__(self, key: bytes) -> None:
        self[key] = None

    def items(self, keys: Iterable[bytes]) -> Items:
        """Tell the present states; of what has landed meanwhile there is nothing to tell."""
        fresh = self._fresh
        return [(key, fresh[key]) for key in keys if key in fresh]

    def landed(self, items: Items, offset: int) -> None:
        """Write what is in the changelog now.

        After a failure a record may land behind one of a higher offset, whose states may be
        newer. What is the latest still is written then, and what is not is told once more.
        """
        late = offset < self.offset
        known: Items = []
        for key, state in items:
            if key is None:
                continue
            latest = self._fresh.get(key, _Nothing)
            if latest is state:
                del self._fresh[key]
            elif late:
                if latest is not _Nothing:
                    self._owed.append(key)
                continue
            known.append((key, state))
        self._write(known, offset)

    def restore(self, items: Items, offset: int) -> None:
        """Take what the changelog says."""
        self._write(items, offset)

    def _write(self, items: Items, offset: int) -> None:
        if self._database is None:
            return
        batch = WriteBatch(raw_mode=True)
        for key, state in items:
            if key is None:
                continue
            if state is None:
                batch.delete(key)
            else:
                batch.put(key, state)
        self.offset = max(self.offset, offset)
        batch.put(_OFFSET, b"%d" % self.offset)
        self._database.write(batch)

    def overdue(self) -> Collection[bytes]:
        """Name the oldest of too many changes that were too small for the changelog."""
        surplus = len(self._fresh) - _WAITING
        if surplus <= 0 and not self._owed:
            return ()
        keys = [*islice(self._fresh, max(surplus, 0)), *self._owed]
        keys, self._owed = [key for key in keys if key in self._fresh], []
        for key in keys:
            self[key] = self._fresh[key]
        return keys

    def walk(self) -> Iterator[tuple[bytes, bytes]]:
        """Go through the database page by page, each as it is when its turn comes."""
        after = b""
        while self._database is not None:
            # rocksdict's types allow for keys that are no bytes
            page: list[tuple[Any, Any]] = list(islice(self._database.items(from_key=after), _PAGE))
            for key, state in page:
                if key not in (after, _OFFSET):
                    yield key, state
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def close(self) -> None:
        """Close the database; another process may have it now."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
