from pathlib import Path

from deploy.local.broker.log import PartitionLog
from deploy.local.broker.retention import apply_retention
from deploy.local.broker.topic_config import LogSettings
from tests.deploy.broker.building import append, batch, names, offsets, open_log


def _filled(directory: Path, settings: LogSettings, times: list[int]) -> PartitionLog:
    log = open_log(directory, settings)
    for time in times:
        append(log, batch((b"k", b"v" * 100), timestamps=[time]))
        log.roll()
    return log


async def test_old_segments_go_whole_and_in_order(tmp_path: Path) -> None:
    log = _filled(tmp_path, LogSettings(retention_ms=100), [10, 500, 20, 900])
    assert await apply_retention(log, now_ms=600) == 1
    assert offsets(log) == [1, 2, 3], "the young one in front keeps the old one behind it"
    assert len(names(tmp_path, "*.log")) == 4


async def test_the_active_segment_expires_too(tmp_path: Path) -> None:
    log = open_log(tmp_path, LogSettings(retention_ms=100))
    append(log, batch((b"k", b"v"), timestamps=[10]))
    assert await apply_retention(log, now_ms=1000) == 1
    assert (log.start_offset, log.end_offset, log.size) == (1, 1, 0)
    assert append(log, batch()) == 1


async def test_size_is_bounded(tmp_path: Path) -> None:
    size = len(batch((b"k", b"v" * 100)))
    log = _filled(tmp_path, LogSettings(retention_ms=-1, retention_bytes=3 * size), [1] * 10)
    await apply_retention(log, now_ms=10)
    assert log.size == 3 * size
    assert offsets(log) == [7, 8, 9]


async def test_a_compacted_topic_keeps_everything_old(tmp_path: Path) -> None:
    settings = LogSettings(retention_ms=1, retention_bytes=1, compact=True, delete=False)
    log = _filled(tmp_path, settings, [1, 2, 3])
    assert await apply_retention(log, now_ms=10_000) == 0
    assert offsets(log) == [0, 1, 2]


async def test_files_of_deleted_records_go(tmp_path: Path) -> None:
    log = _filled(tmp_path, LogSettings(retention_ms=-1), [1, 2, 3])
    log.delete_records(2)
    assert await apply_retention(log, now_ms=10) == 2
    assert len(names(tmp_path, "*.log")) == 2


async def test_files_left_by_a_crash_are_ignored_and_go_later(tmp_path: Path) -> None:
    log = _filled(tmp_path, LogSettings(retention_ms=-1), [1, 2, 3])
    log.drop_segments(2)
    log.close()
    again = open_log(tmp_path, LogSettings(retention_ms=-1))
    assert offsets(again) == [2]
    assert await apply_retention(again, now_ms=10) == 2
