"""The segments of one process: a queue on disk. Everything here blocks; one thread calls it."""

import contextlib
import logging
import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from ingest.spool.files import own, sync_directory, try_to_write
from ingest.spool.frames import Contents, Lane
from ingest.spool.segment import SUFFIX, Foreign, Segment

log: Final = logging.getLogger(__name__)
_MOST_SEGMENT_BYTES: Final = 64 << 20
_SEGMENTS: Final = 16


class Place(NamedTuple):
    """Where a frame is, or where to go on reading."""

    segment: int
    position: int


START: Final = Place(0, 0)


class Entry(NamedTuple):
    """A record that waits.

    Attributes:
        at: when it was spooled, Unix ms.
        size: of its frame in bytes.
    """

    place: Place
    lane: Lane
    at: int
    size: int
    value: bytes


class Store:
    """Frames in segments ``<root>/<n>/<number>.spool``, where the folder ``<n>`` is this process'.

    A process takes the first folder that nobody owns, so one that is started again finds what
    it left. What other processes left behind it takes over with :meth:`adopt`.

    Args:
        limit: bytes of all segments together, for the size of one; keeping it is the caller's.
    """

    def __init__(self, root: Path, *, limit: int) -> None:
        self._root = root
        self._segment_bytes = min(_MOST_SEGMENT_BYTES, limit // _SEGMENTS)
        self._segments: list[Segment] = []
        self._active: Segment | None = None
        self._next = 1
        self._folder = root
        self._left: set[Path] = set()
        self._lock: int | None = None

    @property
    def folder(self) -> Path:
        """Where this process keeps its segments."""
        return self._folder

    @property
    def size(self) -> int:
        """Bytes on disk, drained ones included that wait for their segment's end."""
        return sum(segment.size for segment in self._segments)

    def open(self) -> Contents:
        """Take a folder and tell what waits in it.

        Raises:
            OSError: it cannot be made, read or written.
            Foreign: another version wrote it.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        sync_directory(self._root.parent)
        for number in count(1):
            self._folder = self._root / str(number)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = own(self._folder)
            if self._lock is not None:
                break
        self._left.add(self._folder)
        sync_directory(self._root)
        contents = Contents()
        try:
            for segment in _recover(self._folder, contents):
                self._keep(segment)
        except BaseException:
            self._let_go()
            raise
        return contents

    def check(self) -> None:
        """Raise OSError when nothing can be written at present."""
        try_to_write(self._folder)

    def adopt(self) -> Contents:
        """Take over the segments of processes that have ended; what waits in them.

        What cannot be read stays where it is, and the log says so, once. Raises OSError.
        """
        contents = Contents()
        for folder in sorted(self._root.iterdir()):
            if folder in self._left or not folder.name.isdecimal():
                continue
            lock = own(folder)
            if lock is None:
                continue
            try:
                contents.merge(self._take_over(folder))
            except (OSError, Foreign) as error:
                self._left.add(folder)
                log.error("%s is left as it is: %s", folder, error)  # noqa: TRY400 - it says why
            finally:
                os.close(lock)
        return contents

    def append(self, frames: list[bytes]) -> None:
        """Bring frames to disk, all or, on OSError, none."""
        active = self._active
        if active is None or active.size >= self._segment_bytes:
            active = self._active = Segment.create(self._name())
            self._segments.append(active)
        try:
            active.append(frames)
        except OSError:
            # After a failed sync the kernel may have dropped what it did not write: no file that
            # this happened to is written to again.
            self._active = None
            self._drop_drained()
            raise

    def read(
        self, start: Place, max_bytes: int, skip: frozenset[Lane]
    ) -> tuple[list[Entry], Place | None]:
        """Read about so many bytes from ``start`` on, in order of spooling.

        Returns:
            Records that wait, except those of lanes to ``skip``; where to go on, None at the end.

        Raises:
            OSError: a segment cannot be read.
        """
        for segment in self._segments:
            if segment.number < start.segment or not segment.waiting:
                continue
            position = start.position if segment.number == start.segment else 0
            if position >= segment.size:
                continue
            found, position = segment.read(position, max_bytes, skip)
            entries = [
                Entry(Place(segment.number, frame.start), frame.lane, frame.at, frame.size, value)
                for frame, value in found
            ]
            return entries, Place(segment.number, position)
        return [], None

    def mark(self, places: Iterable[Place]) -> None:
        """Note records as drained, and delete segments in which nothing waits; raises OSError."""
        known = {segment.number: segment for segment in self._segments}
        for place in places:
            known[place.segment].mark([place.position])
        self._drop_drained()

    def close(self) -> None:
        """Let go of everything; an empty folder goes too."""
        for segment in self._segments:
            segment.close()
        with contextlib.suppress(OSError):
            self._folder.rmdir()
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _drop_drained(self) -> None:
        for segment in [s for s in self._segments if not s.waiting]:
            self._segments.remove(segment)
            if segment is self._active:
                self._active = None
            segment.remove()

    def _take_over(self, folder: Path) -> Contents:
        contents = Contents()
        for segment in _recover(folder, contents):
            if segment.waiting:
                segment.path = segment.path.rename(self._name())
            self._keep(segment)
        # Segments written to before the move and after it keep their order.
        self._active = None
        sync_directory(self._folder)
        with contextlib.suppress(OSError):  # something set aside is left in it
            folder.rmdir()
        return contents

    def _keep(self, segment: Segment) -> None:
        if not segment.waiting:
            segment.remove()
            return
        self._segments.append(segment)
        self._next = max(self._next, segment.number + 1)

    def _name(self) -> Path:
        path = self._folder / f"{self._next:010d}{SUFFIX}"
        self._next += 1
        return path


def _recover(folder: Path, contents: Contents) -> list[Segment]:
    segments: list[Segment] = []
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    try:
        for path in paths:
            segments.append(Segment.recover(path, contents, torn=path is paths[-1]))  # noqa: PERF401 - closed below
    except BaseException:
        for segment in segments:
            segment.close()
        raise
    return segments
