"""One file of the spool: frames appended, read from the front, marked one by one, removed."""

import logging
import mmap
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ingest.spool.files import sync_data, sync_directory, write_all
from ingest.spool.frames import (
    DRAINED,
    HEAD_BYTES,
    MAGIC,
    Contents,
    Frame,
    Lane,
    sound_frames,
    wanted_bytes,
)

log: Final = logging.getLogger(__name__)
SUFFIX: Final = ".spool"
_DAMAGED: Final = ".damaged"


class Foreign(Exception):
    """A file that another version wrote; the text names it."""


class Segment:
    """An open file.

    Attributes:
        size: bytes that are durable; what may follow them was told to nobody.
        waiting: frames that are not drained.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.size = len(MAGIC)
        self.waiting = 0
        self._handle = handle

    @property
    def number(self) -> int:
        """Its place among the segments of its folder."""
        return int(self.path.stem)

    @classmethod
    def create(cls, path: Path) -> "Segment":
        """Begin a file; on OSError it is not there."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(handle, MAGIC, 0)
            sync_directory(path.parent)
        except BaseException:
            os.close(handle)
            path.unlink()
            raise
        return cls(path, handle)

    @classmethod
    def recover(cls, path: Path, contents: Contents, *, torn: bool) -> "Segment":
        """Open a file of a process that has ended, and cut what is not sound.

        Args:
            contents: gets what waits in the file.
            torn: the file was being written to, so what is not sound was told to nobody; in any
                other file it is damage to accepted events and is set aside.

        Raises:
            OSError, Foreign: it cannot be read.
        """
        segment = cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))
        try:
            for frame in segment._scan():
                if frame.waiting:
                    segment.waiting += 1
                    contents.note(frame)
            segment._cut(torn=torn)
        except BaseException:
            segment.close()
            raise
        return segment

    def append(self, frames: list[bytes]) -> None:
        """Write frames and bring them to disk; on OSError the file is as it was before."""
        try:
            write_all(self._handle, b"".join(frames), self.size)
            sync_data(self._handle)
        except OSError:
            os.ftruncate(self._handle, self.size)
            raise
        self.size += sum(map(len, frames))
        self.waiting += len(frames)

    def read(
        self, position: int, max_bytes: int, skip: frozenset[Lane]
    ) -> tuple[list[tuple[Frame, bytes]], int]:
        """Read frames that wait, of other lanes than those to ``skip``, in order.

        Returns:
            Frames with their values, ``start`` and ``end`` counted from the file's beginning, and
            where to go on: the file's size when that was all.

        Raises:
            OSError: the file is damaged there.
        """
        position = max(position, len(MAGIC))
        data = os.pread(self._handle, min(max_bytes, self.size - position), position)
        if len(data) >= HEAD_BYTES and (first := wanted_bytes(data, 0)) > len(data):
            data = os.pread(self._handle, min(first, self.size - position), position)
        found: list[tuple[Frame, bytes]] = []
        end = 0
        for frame in sound_frames(data):
            end = frame.end
            if frame.waiting and frame.lane not in skip:
                value = data[frame.value_at : frame.end]
                placed = frame._replace(start=position + frame.start, end=position + frame.end)
                found.append((placed, value))
        if not end and position < self.size:
            raise OSError(f"{self.path} is damaged at byte {position}: start ingest again")
        return found, position + end

    def mark(self, starts: Iterable[int]) -> None:
        """Note frames as drained, each by its ``start``; raises OSError.

        Not synced: after a power cut frames may be drained again, and events that come twice
        collapse by their ids.
        """
        for start in starts:
            write_all(self._handle, DRAINED, start)
            self.waiting -= 1

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def remove(self) -> None:
        """Close and delete the file; raises OSError."""
        self.close()
        self.path.unlink()

    def _scan(self) -> Iterator[Frame]:
        length = os.fstat(self._handle).st_size
        if length <= len(MAGIC):
            return
        with (
            mmap.mmap(self._handle, length, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            if bytes(view[: len(MAGIC)]) != MAGIC:
                raise Foreign(
                    f"{self.path} was written by another version of headrace: start that version "
                    "once more to drain it, or move the file away"
                )
            for frame in sound_frames(view, len(MAGIC)):
                self.size = frame.end
                yield frame

    def _cut(self, *, torn: bool) -> None:
        leftover = os.fstat(self._handle).st_size - self.size
        if leftover <= 0:
            return
        if torn:
            log.warning("%s: cut %d bytes of an unfinished write", self.path, leftover)
        else:
            aside = self.path.with_suffix(f".{self.size}{_DAMAGED}")
            with self.path.open("rb") as source, aside.open("wb") as copy:
                source.seek(self.size)
                shutil.copyfileobj(source, copy)
            log.error(
                "%s is damaged: %d bytes with accepted events were set aside in %s",
                self.path,
                leftover,
                aside,
            )
        os.ftruncate(self._handle, self.size)
        os.fsync(self._handle)
