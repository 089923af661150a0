"""What a broker does on its own every few seconds, so that the disk stays bounded."""

import asyncio
import contextlib
import logging
import os

from .compaction import compact
from .errors import RefusedError
from .files import sync_data
from .log import PartitionLog
from .membership import State
from .retention import apply_retention
from .segment import Segment
from .state import BrokerState
from .summary import write_summary

_log = logging.getLogger(__name__)


async def maintain_until(state: BrokerState, stopping: asyncio.Event) -> None:
    """Repeat `maintain` until told to stop, and then come to an end by itself.

    Never cancelled: a thread that compacts a log cannot be, and the directory must not be let go
    while it writes there.
    """
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(state.config.maintenance_seconds):
                await stopping.wait()
        if not stopping.is_set():
            await maintain(state, stopping)


async def maintain(state: BrokerState, stopping: asyncio.Event | None = None) -> None:
    """Expire, compact and repair every log; expire offsets of groups that are gone.

    One failing log, or a full disk, does not stop the others.
    """
    for log in state.topics.logs():
        if stopping is not None and stopping.is_set():
            return
        try:
            await _maintain_log(state, log)
        except Exception:  # noqa: BLE001 - see below
            # Whatever it is, it is counted and the next log gets its turn. A log of a deleted
            # topic loses its files under the hands of whoever works on it.
            if not log.deleted:
                state.metrics.maintenance_failures += 1
                _log.exception("cannot tidy up %s", log.directory)
    try:
        _expire_offsets(state)
        state.offsets.rewrite_if_stale()
    except (OSError, RefusedError):
        state.metrics.maintenance_failures += 1
        _log.exception("cannot tidy up the committed offsets")


async def _maintain_log(state: BrokerState, log: PartitionLog) -> None:
    if log.broken:
        log.fall_back()
    if log.broken or log.deleted:
        return
    now = state.now_ms()
    log.producers.forget(now - state.config.producer_expiry_ms)
    state.metrics.segments_expired += await apply_retention(log, now)
    if not log.deleted and await compact(log):
        state.metrics.compactions += 1
    for segment in log.closed_segments:
        if segment.producers_at_end is not None and segment.visible == segment.size:
            await asyncio.to_thread(_summarise, segment)


def _summarise(segment: Segment) -> None:
    handle = segment.sync_handle()
    try:
        sync_data(handle)
    finally:
        os.close(handle)
    write_summary(segment)


def _expire_offsets(state: BrokerState) -> None:
    oldest = state.now_ms() - state.config.offsets_retention_ms
    for group in state.groups:
        if group.state is not State.EMPTY or group.pending or group.emptied_ms >= oldest:
            continue
        committed = state.offsets.of(group.group_id)
        if all(each.committed_ms < oldest for each in committed.values()):
            state.offsets.forget_group(group.group_id)
            state.groups.remove(group.group_id)
