"""Which segments have outlived their topic's retention: whole segments go, oldest first."""

import asyncio
from pathlib import Path

from .log import PartitionLog
from .segment import SUMMARY
from .topic_config import UNLIMITED


def expired_segments(log: PartitionLog, now_ms: int) -> int:
    """Count the oldest closed segments to drop: all deleted, too old, or too much."""
    count = 0
    excess = log.size - log.settings.retention_bytes
    oldest_kept = now_ms - log.settings.retention_ms
    for segment, following in zip(log.closed_segments, log.segments[1:], strict=True):
        gone = following.base_offset <= log.start_offset
        too_old = (
            log.settings.delete
            and log.settings.retention_ms != UNLIMITED
            and segment.max_timestamp < oldest_kept
        )
        too_much = (
            log.settings.delete
            and log.settings.retention_bytes != UNLIMITED
            and excess >= segment.size
        )
        if not (gone or too_old or too_much):
            break
        excess -= segment.size
        count += 1
    return count


def roll_if_expired(log: PartitionLog, now_ms: int) -> None:
    """Close an active segment that is too old, so that it can be dropped; raises OSError."""
    active = log.segments[-1]
    limit = log.settings.retention_ms
    if (
        log.settings.delete
        and limit != UNLIMITED
        and active.size
        and active.visible == active.size
        and active.max_timestamp < now_ms - limit
    ):
        log.roll()


async def apply_retention(log: PartitionLog, now_ms: int) -> int:
    """Drop what has expired and return the number of segments; raises OSError."""
    roll_if_expired(log, now_ms)
    paths = log.drop_segments(expired_segments(log, now_ms))
    if paths:
        await asyncio.to_thread(_remove, paths)
    return len(paths)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        path.with_suffix(SUMMARY).unlink(missing_ok=True)
