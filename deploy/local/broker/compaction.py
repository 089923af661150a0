"""Log compaction: of records with the same key only the last one has to stay.

Only closed segments are touched. The work runs in a thread on files that nobody writes; the event
loop only swaps the result in. Offsets never change, so readers see gaps, never another order.
https://kafka.apache.org/documentation/#compaction
"""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from .batch import BatchHeader, read_header
from .log import PartitionLog
from .records import BadRecordsError, Record, read_records, rebuild
from .segment import Segment
from .swap import CLEANED, finish_swap, prepare_swap

_MAX_KEYS = 1_000_000  # remembered per pass, some 150 MB at worst; what is left waits for the next
_DIGEST_BYTES = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """One pass over a log: everything the thread needs, taken on the event loop."""

    directory: Path
    segments: list[Segment]  # closed, oldest first
    dirty_from: int  # offset behind what the last pass covered
    needed_headers: set[int]  # base offsets of batches whose producers may still retry
    tombstones_before: float  # file time (s): older segments lose the deletions they carry
    group_bytes: int
    index_interval: int


def plan(log: PartitionLog, now_s: float) -> Plan | None:
    """Decide whether a pass is worth it: enough of the closed part must be new."""
    closed = list(takewhile(lambda s: s.visible == s.size, log.closed_segments))
    total = sum(segment.size for segment in closed)
    dirty = sum(s.size for s in closed if s.next_offset > log.compacted_up_to)
    if not log.settings.compact or not dirty or dirty < log.settings.min_dirty_ratio * total:
        return None
    return Plan(
        directory=log.directory,
        segments=closed,
        dirty_from=log.compacted_up_to,
        needed_headers=log.producers.remembered_offsets(),
        tombstones_before=now_s - log.settings.delete_retention_ms / 1e3,
        group_bytes=log.settings.segment_bytes,
        index_interval=log.settings.index_interval_bytes,
    )


async def compact(log: PartitionLog, now_s: float | None = None) -> bool:
    """Run one pass if it is worth it; True when it was. Raises OSError."""
    pending = plan(log, time.time() if now_s is None else now_s)
    if pending is None:
        return False
    latest, end = await asyncio.to_thread(_latest_offsets, pending)
    sources = [segment for segment in pending.segments if segment.base_offset < end]
    for group in _grouped(sources, pending.group_bytes):
        cleaned = await asyncio.to_thread(_clean, pending, group, latest)
        if log.deleted or any(segment not in log.segments for segment in group):
            return False  # deleted, expired or reopened meanwhile: the next start clears up
        finish_swap(cleaned.swap)
        log.replace_segments(group, cleaned.segment)
    log.compacted_up_to = max(log.compacted_up_to, end)
    return True


@dataclass(frozen=True, slots=True)
class _Cleaned:
    swap: Path
    segment: Segment


def _digest(key: bytes) -> bytes:
    if len(key) <= _DIGEST_BYTES:
        return key
    return hashlib.blake2b(key, digest_size=_DIGEST_BYTES).digest()


def _latest_offsets(pending: Plan) -> tuple[dict[bytes, int], int]:
    """Map each key of the new part to its last offset; also where the covered part ends."""
    latest: dict[bytes, int] = {}
    end = pending.dirty_from
    for segment in pending.segments:
        if segment.next_offset <= pending.dirty_from:
            continue
        if len(latest) >= _MAX_KEYS:
            break
        for header, batch in segment.batches():
            for record in _readable(header, batch) or ():
                if record.key is not None:
                    latest[_digest(record.key)] = record.offset
        end = segment.next_offset
    return latest, end


def _grouped(segments: list[Segment], limit: int) -> Iterator[list[Segment]]:
    """Put neighbours together as long as they fit one segment, so that small ones do not pile."""
    group: list[Segment] = []
    for segment in segments:
        if group and sum(s.size for s in group) + segment.size > limit:
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def _clean(pending: Plan, group: list[Segment], latest: dict[bytes, int]) -> _Cleaned:
    first = group[0].base_offset
    draft = pending.directory / f"{first:020d}{CLEANED}"
    cleaned = Segment(draft, first, pending.index_interval)
    newest_change = 0.0
    cleaned.open()
    try:
        for source in group:
            changed = source.path.stat().st_mtime
            newest_change = max(newest_change, changed)
            # A deletion must be seen by everybody who reads from the start, so it stays for a
            # while after it has been in the compacted part.
            seen = source.next_offset <= pending.dirty_from
            keep_tombstones = not seen or changed >= pending.tombstones_before
            for batch in _kept(pending, source, latest, keep_tombstones=keep_tombstones):
                cleaned.append(read_header(batch), [batch])
    except OSError:
        cleaned.close()
        draft.unlink(missing_ok=True)
        raise
    cleaned.close()
    cleaned.visible = cleaned.size
    cleaned.next_offset = group[-1].next_offset
    os.utime(draft, (newest_change, newest_change))
    cleaned.path = group[0].path
    return _Cleaned(prepare_swap(draft, first, group[-1].next_offset), cleaned)


def _kept(
    pending: Plan, source: Segment, latest: dict[bytes, int], *, keep_tombstones: bool
) -> Iterator[bytes]:
    for header, batch in source.batches():
        records = _readable(header, batch)
        if records is None:
            yield batch
            continue
        kept = [r for r in records if _stays(r, latest, keep_tombstones=keep_tombstones)]
        if records and len(kept) == len(records):
            yield batch
        elif kept or header.base_offset in pending.needed_headers:
            yield rebuild(batch, kept)


def _readable(header: BatchHeader, batch: bytes) -> list[Record] | None:
    """Return the records of a batch; None when nobody can read them, so nobody may judge them."""
    try:
        return list(read_records(batch)) if header.record_count else []
    except BadRecordsError:
        _log.warning("compaction keeps an unreadable batch at offset %d", header.base_offset)
        return None


def _stays(record: Record, latest: dict[bytes, int], *, keep_tombstones: bool) -> bool:
    if record.key is None:
        return False
    if latest.get(_digest(record.key), -1) > record.offset:
        return False
    return keep_tombstones or record.value is not None
