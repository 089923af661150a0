"""The log of one partition: an ordered list of segments behind offsets.

Three marks: `start_offset` (older records are gone), `high_watermark` (readers see what is below
it: with syncing on, only what a crash cannot take back), `end_offset` (the next record's place).
"""

import logging
import os
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .batch import LEADER_EPOCH, BatchHeader, stamped
from .errors import Code, RefusedError
from .files import replace_file, sync_data
from .producers import ProducerStates
from .records import read_records
from .recovery import START_FILE, recover
from .segment import Segment, segment_path
from .summary import write_summary
from .topic_config import LogSettings

_INT32_MAX = 2**31 - 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingSync:
    """What one sync makes durable: the log as it was when the sync began."""

    handles: list[int]
    sizes: list[tuple[Segment, int]]
    end_offset: int

    def run(self) -> None:
        """Sync and close every handle, on any thread; raises the first OSError."""
        failure: OSError | None = None
        for handle in self.handles:
            try:
                sync_data(handle)
            except OSError as error:
                failure = failure or error
            finally:
                os.close(handle)
        if failure is not None:
            raise failure


class PartitionLog:
    """Appends, reads, searches; everything but the sync itself happens on the event loop."""

    def __init__(self, directory: Path, settings: LogSettings, now_ms: Callable[[], int]) -> None:
        """Open the log in `directory`, creating or repairing it.

        A torn tail (kill, power loss) is cut after the last sound batch. Raises OSError.
        """
        self.directory = directory
        self.settings = settings
        self.start_offset = 0
        self.high_watermark = 0
        self.compacted_up_to = 0
        self.deleted = False
        self.broken = False
        self.readers: set[Callable[[int], None]] = set()
        self.segments: list[Segment] = []
        self.producers = ProducerStates()
        self._unsynced: list[Segment] = []
        self._names_changed = False
        self._now_ms = now_ms
        self._recover()

    # -- state ---------------------------------------------------------------------------------

    @property
    def end_offset(self) -> int:
        """Offset that the next record gets."""
        return self.segments[-1].next_offset

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self.segments)

    @property
    def closed_segments(self) -> list[Segment]:
        """All segments but the one that is written to."""
        return self.segments[:-1]

    # -- writing -------------------------------------------------------------------------------

    def append(self, header: BatchHeader, batch: memoryview) -> int:
        """Write a checked batch and return its base offset; a repetition returns the first one.

        Not durable and not visible before `finish_sync` (or `publish`). Raises `RefusedError`.
        """
        if self.broken:
            raise RefusedError(Code.KAFKA_STORAGE_ERROR, "the log could not be repaired yet")
        written = self.producers.check(header)
        if written is not None:
            return written.base_offset
        base_offset = self.end_offset
        placed = header._replace(base_offset=base_offset, leader_epoch=LEADER_EPOCH)
        try:
            segment = self._segment_for(placed)
            segment.append(placed, stamped(batch, base_offset))
        except OSError as error:
            _log.exception("cannot write to %s", self.directory)
            raise RefusedError(Code.KAFKA_STORAGE_ERROR, f"cannot write: {error}") from error
        self.producers.record(placed, self._now_ms())
        if segment not in self._unsynced:
            self._unsynced.append(segment)
        return base_offset

    def roll(self) -> None:
        """Close the active segment and begin the next one; raises OSError."""
        following = Segment(
            segment_path(self.directory, self.end_offset),
            self.end_offset,
            self.settings.index_interval_bytes,
        )
        following.open()
        self.segments[-1].close()
        self.segments[-1].producers_at_end = self.producers.snapshot()
        self.segments.append(following)
        self._names_changed = True

    def _segment_for(self, header: BatchHeader) -> Segment:
        active = self.segments[-1]
        age = header.max_timestamp - active.first_timestamp
        if active.size and (
            active.size + header.size > self.settings.segment_bytes
            or age > self.settings.segment_ms
            or header.last_offset - active.base_offset > _INT32_MAX
        ):
            self.roll()
        return self.segments[-1]

    # -- durability ----------------------------------------------------------------------------

    def begin_sync(self) -> PendingSync:
        """Collect what has to be synced; the caller runs it and then calls `finish_sync`."""
        handles = [segment.sync_handle() for segment in self._unsynced]
        if self._names_changed:
            handles.append(os.open(self.directory, os.O_RDONLY | os.O_CLOEXEC))
        sizes = [(segment, segment.size) for segment in self._unsynced]
        self._unsynced, self._names_changed = [], False
        return PendingSync(handles, sizes, self.end_offset)

    def finish_sync(self, done: PendingSync) -> None:
        """Show readers what is durable now."""
        grown = 0
        for segment, size in done.sizes:
            grown += max(size - segment.visible, 0)
            segment.visible = max(segment.visible, size)
        self._advance(done.end_offset, grown)

    def publish(self) -> None:
        """Show readers everything that is written, durable or not."""
        grown = 0
        for segment in self._unsynced:
            grown += segment.size - segment.visible
            segment.visible = segment.size
        self._unsynced = []
        self._advance(self.end_offset, grown)

    def fall_back(self) -> None:
        """Forget what could not be synced: nobody was told that it is safe.

        After a failed sync the kernel may have dropped the pages, so the files are read again
        from what is known to be durable. Where even that fails the log takes no more writes
        until a later attempt succeeds.
        """
        if self.deleted:
            return
        self.broken = True
        try:
            self._cut_to_visible()
            self._recover()
        except OSError:
            _log.exception("cannot repair %s: it takes no writes until that works", self.directory)
            return
        self.broken = False

    def _cut_to_visible(self) -> None:
        durable = [(segment, segment.visible) for segment in self.segments]
        self.close()
        for segment, visible in durable:
            if visible or segment.base_offset <= self.high_watermark:
                segment.cut(visible)
            else:
                segment.path.unlink(missing_ok=True)

    def _advance(self, high_watermark: int, grown: int) -> None:
        if high_watermark > self.high_watermark:
            self.high_watermark = high_watermark
            self._wake(grown)

    def _wake(self, grown: int) -> None:
        """Tell parked readers how many bytes became visible; 0 when the log is gone."""
        for reader in list(self.readers):
            reader(grown)

    # -- reading -------------------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int, *, at_least_one: bool) -> bytes:
        """Return visible batches from `offset` on; raises `RefusedError` outside the log."""
        if not self.start_offset <= offset <= self.end_offset:
            raise RefusedError(Code.OFFSET_OUT_OF_RANGE)
        if offset >= self.high_watermark:
            return b""
        at = max(bisect_right(self.segments, offset, key=lambda s: s.base_offset) - 1, 0)
        for segment in self.segments[at:]:
            if segment.visible:
                data = segment.read(offset, max_bytes, at_least_one=at_least_one)
                if data is not None:
                    return data
        return b""

    def offset_at_time(self, timestamp: int) -> tuple[int, int] | None:
        """Return (offset, timestamp in ms) of the first record at or after `timestamp`."""
        for segment in self.segments:
            if segment.visible and segment.max_timestamp >= timestamp:
                for batch in segment.batches_since(timestamp):
                    for record in read_records(batch):
                        if record.timestamp >= timestamp and record.offset >= self.start_offset:
                            return record.offset, record.timestamp
        return None

    # -- forgetting ----------------------------------------------------------------------------

    def delete_records(self, before: int) -> int:
        """Hide everything below `before` (-1: all that is visible); returns the new start."""
        wanted = self.high_watermark if before == -1 else before
        if not 0 <= wanted <= self.high_watermark:
            raise RefusedError(Code.OFFSET_OUT_OF_RANGE)
        if wanted > self.start_offset:
            self._set_start(wanted)
        return self.start_offset

    def _set_start(self, offset: int) -> None:
        try:
            replace_file(self.directory / START_FILE, str(offset).encode())
        except OSError as error:
            raise RefusedError(Code.KAFKA_STORAGE_ERROR, f"cannot write: {error}") from error
        self.start_offset = offset

    def drop_segments(self, count: int) -> list[Path]:
        """Give up the oldest `count` closed segments; returns the files for the caller to remove.

        The start moves first, so a crash in between leaves files that the next start ignores.
        """
        if not count:
            return []
        survivor = self.segments[count]
        if survivor.base_offset > self.start_offset:
            self._set_start(survivor.base_offset)
        dropped, self.segments = self.segments[:count], self.segments[count:]
        self._unsynced = [segment for segment in self._unsynced if segment not in dropped]
        return [segment.path for segment in dropped]

    def replace_segments(self, old: list[Segment], cleaned: Segment) -> None:
        """Put the result of a compaction in the place of its sources (files already swapped)."""
        at = self.segments.index(old[0])
        self.segments[at : at + len(old)] = [cleaned]

    # -- life ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the active segment; nothing is synced."""
        for segment in self.segments:
            segment.close()

    def close_cleanly(self) -> None:
        """Sync and close, and write down what the next start would have to find out."""
        if not self.broken:
            self._unsynced.append(self.segments[-1])
            pending = self.begin_sync()
            pending.run()
            self.finish_sync(pending)
            self.segments[-1].producers_at_end = self.producers.snapshot()
        self.close()
        for segment in self.segments:
            write_summary(segment)

    def mark_deleted(self) -> None:
        """Stop for good: the topic is gone. Parked readers find out at once."""
        self.deleted = True
        self.close()
        self._wake(0)

    def _recover(self) -> None:
        recovered = recover(self.directory, self.settings.index_interval_bytes, self._now_ms())
        self.segments, self.producers = recovered.segments, recovered.producers
        self.segments[-1].open()
        self._unsynced, self._names_changed = [self.segments[-1]], True
        self.begin_sync().run()
        self.start_offset = max(recovered.start_offset, self.segments[0].base_offset)
        self.high_watermark = self.end_offset
