"""What a broker does on its own every few seconds, so that the disk stays bounded."""

import asyncio
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


async def maintain_for_ever(state: BrokerState) -> None:
    """Repeat `maintain`; one failing log, or a full disk, does not stop the others."""
    while True:
        await asyncio.sleep(state.config.maintenance_seconds)
        await maintain(state)


async def maintain(state: BrokerState) -> None:
    """Expire, compact and repair every log; expire offsets of groups that are gone."""
    for log in state.topics.logs():
        if log.deleted:
            continue
        try:
            await _maintain_log(state, log)
        except (OSError, RefusedError):
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
    if log.broken:
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
