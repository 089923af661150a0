"""One append-only file of a partition's log, named after the first offset it may hold."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .batch import (
    HEADER_SIZE,
    LENGTH_END,
    BatchHeader,
    read_header,
    sound_batches,
    whole_batches,
)
from .files import write_all
from .index import SparseIndex
from .producers import ProducerStates, Snapshot

NO_TIMESTAMP = -1
SUFFIX = ".log"
SUMMARY = ".summary"
_WALK_BYTES = 16 * 1024


def segment_path(directory: Path, base_offset: int) -> Path:
    """Name the segment file that starts at `base_offset`."""
    return directory / f"{base_offset:020d}{SUFFIX}"


class Segment:
    """A file of whole batches, the index over it, and how much of it is visible to readers.

    Only the active segment keeps its file open; others are opened for each read, because the
    number of segments is not bounded by the number of files a process may open.
    """

    def __init__(self, path: Path, base_offset: int, index_interval: int) -> None:
        self.path = path
        self.base_offset = base_offset
        self.next_offset = base_offset
        self.size = 0
        self.visible = 0
        self.first_timestamp = NO_TIMESTAMP
        self.max_timestamp = NO_TIMESTAMP
        self.index = SparseIndex(index_interval)
        self.producers_at_end: Snapshot | None = None
        self._file: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether the file is open for appending."""
        return self._file is not None

    def open(self) -> None:
        """Open for appending, creating the file when it is not there."""
        self.path.with_suffix(SUMMARY).unlink(missing_ok=True)
        self.producers_at_end = None
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def close(self) -> None:
        """Stop appending; reading still works."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def sync_handle(self) -> int:
        """Return a file descriptor to sync, to be closed by the caller.

        A duplicate: the segment may be closed, or deleted, while a thread syncs it.
        """
        if self._file is not None:
            return os.dup(self._file)
        return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def append(self, header: BatchHeader, parts: list[bytes | memoryview]) -> None:
        """Write one batch at the end; on OSError the file is as it was before.

        Not visible to readers before `visible` is moved.
        """
        if self._file is None:
            raise ValueError(f"{self.path} is not open for appending")
        try:
            write_all(self._file, parts, self.size)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.note(header, self.size)

    def note(self, header: BatchHeader, position: int) -> None:
        """Count a batch that is in the file at `position`."""
        self.index.add(header.base_offset, position, self.max_timestamp)
        if self.size == 0:
            self.first_timestamp = header.max_timestamp
        self.max_timestamp = max(self.max_timestamp, header.max_timestamp)
        self.next_offset = header.last_offset + 1
        self.size = position + header.size

    def cut(self, size: int) -> None:
        """Drop everything behind `size` bytes from the file (not from the index)."""
        with self._reading(os.O_RDWR) as file:
            os.ftruncate(file, size)
            os.fsync(file)

    def scan(self, producers: ProducerStates, now_ms: int) -> int:
        """Walk the file, check every batch, build the index; returns the bytes left over.

        What follows the last sound batch is the caller's to cut.
        """
        length = self.path.stat().st_size
        if length:
            with self._mapped() as view:
                for position, header in sound_batches(view, next_offset=self.base_offset):
                    self.note(header, position)
                    producers.record(header, now_ms)
        self.visible = self.size
        return length - self.size

    def read(self, offset: int, max_bytes: int, *, at_least_one: bool) -> bytes | None:
        """Return whole batches from the one that holds `offset` on, at most `max_bytes`.

        With `at_least_one` the first batch comes even when it is larger: a reader would never
        get past it otherwise. None when no visible batch reaches `offset`.
        """
        with self._reading(os.O_RDONLY) as file:
            start, first = self._find(file, self.index.position_of_offset(offset), offset)
            if first is None:
                return None
            if first.size > max_bytes and not at_least_one:
                return b""
            data = os.pread(file, max(min(max_bytes, self.visible - start), first.size), start)
            known = max(self.index.boundary_before(start + len(data)) - start, 0)
            return data[: whole_batches(data, known)]

    def batches_since(self, timestamp: int) -> Iterator[bytes]:
        """Yield the visible batches that reach `timestamp` (ms), in order of offsets."""
        with self._reading(os.O_RDONLY) as file:
            for position, header in self._walk(file, self.index.position_of_time(timestamp)):
                if header.max_timestamp >= timestamp:
                    yield os.pread(file, header.size, position)

    def batches(self) -> Iterator[tuple[BatchHeader, bytes]]:
        """Yield every batch of a segment that is no longer written to."""
        with self._reading(os.O_RDONLY) as file:
            for position, header in self._walk(file, 0):
                yield header, os.pread(file, header.size, position)

    def _find(self, file: int, start: int, offset: int) -> tuple[int, BatchHeader | None]:
        for position, header in self._walk(file, start):
            # By the last offset, not the first: compaction leaves gaps inside a batch.
            if header.last_offset >= offset:
                return position, header
        return self.visible, None

    def _walk(self, file: int, position: int) -> Iterator[tuple[int, BatchHeader]]:
        window, window_at = b"", position
        while position < self.visible:
            at = position - window_at
            if at + HEADER_SIZE > len(window):
                window = os.pread(file, min(_WALK_BYTES, self.visible - position), position)
                window_at, at = position, 0
            if at + HEADER_SIZE > len(window):
                raise OSError(f"{self.path} ends inside a batch at byte {position}")
            header = read_header(window, at)
            if header.length < HEADER_SIZE - LENGTH_END:
                raise OSError(f"{self.path} is damaged at byte {position}: stop and start again")
            yield position, header
            position += header.size

    @contextmanager
    def _reading(self, flags: int) -> Iterator[int]:
        if self._file is not None:
            yield self._file
            return
        file = os.open(self.path, flags | os.O_CLOEXEC)
        try:
            yield file
        finally:
            os.close(file)

    @contextmanager
    def _mapped(self) -> Iterator[memoryview]:
        with (
            self._reading(os.O_RDONLY) as file,
            mmap.mmap(file, 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            yield view
