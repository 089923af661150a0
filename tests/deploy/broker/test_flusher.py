import asyncio
import threading
from pathlib import Path

import pytest

from deploy.local.broker import log as log_module
from deploy.local.broker.flusher import Flusher
from deploy.local.broker.log import PartitionLog
from tests.deploy.broker.building import append, batch, offsets, open_log


class SlowDisk:
    """Syncs wait until they are let through; they fail when told to."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.gate = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.fail = False
        patch.setattr(log_module, "sync_data", self._sync)

    def _sync(self, _: int) -> None:
        self.begun.release()
        assert self.gate.acquire(timeout=5)
        if self.fail:
            raise OSError(5, "Input/output error")

    async def wait_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=5)


def _is_broken(log: PartitionLog) -> bool:
    return log.broken


async def _covered(flusher: Flusher, log: PartitionLog) -> asyncio.Future[frozenset[PartitionLog]]:
    future = flusher.cover([log])
    assert future is not None
    return future


async def test_who_comes_during_a_sync_shares_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, flusher = open_log(tmp_path), Flusher(fsync=True)
    disk = SlowDisk(monkeypatch)
    append(log, batch(), publish=False)
    first = await _covered(flusher, log)
    await disk.wait_begun()
    later = []
    for _ in range(5):
        append(log, batch(), publish=False)
        later.append(await _covered(flusher, log))
    assert not first.done()
    disk.gate.release()
    assert await first == frozenset()
    assert log.high_watermark == 1, "what came during the sync is not covered by it"
    assert not any(each.done() for each in later)
    disk.gate.release()
    await asyncio.gather(*later)
    assert (log.high_watermark, flusher.syncs) == (6, 2)
    assert flusher.cover([log]) is None


async def test_what_could_not_be_synced_is_as_if_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, flusher = open_log(tmp_path), Flusher(fsync=True)
    append(log, batch(producer=(3, 0), sequence=0))
    with monkeypatch.context() as patched:
        disk = SlowDisk(patched)
        disk.fail = True
        append(log, batch(producer=(3, 0), sequence=1), publish=False)
        waiting = await _covered(flusher, log)
        await disk.wait_begun()
        # The repair syncs too, and fails: the log takes no writes until a later attempt works.
        disk.gate.release(10)
        assert await waiting == frozenset({log})
        assert _is_broken(log)
    log.fall_back()
    assert not _is_broken(log)
    assert offsets(log) == [0]
    assert append(log, batch(producer=(3, 0), sequence=1)) == 1
    assert flusher.failures == 1


async def test_without_fsync_everything_is_visible_at_once(tmp_path: Path) -> None:
    log, flusher = open_log(tmp_path), Flusher(fsync=False)
    append(log, batch(), publish=False)
    assert flusher.cover([log]) is None
    assert log.high_watermark == 1
    await flusher.drain()


async def test_a_failed_sync_cuts_across_segments(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, batch())
    append(log, batch(), publish=False)
    log.roll()
    append(log, batch(), publish=False)
    log.fall_back()
    assert (log.end_offset, len(log.segments)) == (1, 1)
    assert append(log, batch()) == 1
