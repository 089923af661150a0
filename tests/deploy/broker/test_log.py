from pathlib import Path

import pytest

from deploy.local.broker.batch import read_header
from deploy.local.broker.errors import Code, RefusedError
from deploy.local.broker.topic_config import LogSettings
from tests.deploy.broker.building import append, batch, offsets, open_log


def test_offsets_are_contiguous_over_batches_and_segments(tmp_path: Path) -> None:
    log = open_log(tmp_path, LogSettings(segment_bytes=300))
    placed = [append(log, batch((b"a", b"1"), (b"b", b"2"))) for _ in range(20)]
    assert placed == list(range(0, 40, 2))
    assert offsets(log) == placed
    assert len(log.segments) > 5


def test_a_batch_is_found_by_any_of_its_offsets(tmp_path: Path) -> None:
    log = open_log(tmp_path, LogSettings(index_interval_bytes=200))
    for _ in range(50):
        append(log, batch((None, b"1"), (None, b"2"), (None, b"3")))
    for offset in range(150):
        found = read_header(log.read(offset, 1, at_least_one=True))
        assert found.base_offset <= offset <= found.last_offset


def test_a_read_returns_whole_batches_only(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    data = batch((None, b"x" * 100))
    for _ in range(3):
        append(log, data)
    assert log.read(0, len(data) - 1, at_least_one=False) == b""
    assert len(log.read(0, len(data) - 1, at_least_one=True)) == len(data)
    assert len(log.read(0, len(data) * 2 + 50, at_least_one=False)) == len(data) * 2
    assert len(log.read(1, 1 << 20, at_least_one=False)) == len(data) * 2


def test_readers_see_nothing_before_it_is_durable(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, batch(), publish=False)
    assert (log.high_watermark, log.end_offset) == (0, 1)
    assert log.read(0, 1000, at_least_one=True) == b""
    pending = log.begin_sync()
    append(log, batch(), publish=False)
    pending.run()
    log.finish_sync(pending)
    assert (log.high_watermark, log.end_offset) == (1, 2)
    assert offsets(log) == [0]


def test_outside_the_log_is_an_error(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, batch())
    assert log.read(1, 100, at_least_one=True) == b""
    for offset in (-1, 2):
        with pytest.raises(RefusedError) as refused:
            log.read(offset, 100, at_least_one=True)
        assert refused.value.code is Code.OFFSET_OUT_OF_RANGE


def test_a_time_is_found_though_times_do_not_rise(tmp_path: Path) -> None:
    log = open_log(tmp_path, LogSettings(segment_bytes=400, index_interval_bytes=1))
    times = [500, 100, 900, 300, 700, 200, 1100, 50]
    for time in times:
        append(log, batch((b"k", b"v"), timestamps=[time]))
    for wanted in range(0, 1200, 50):
        first = next((i for i, time in enumerate(times) if time >= wanted), None)
        found = log.offset_at_time(wanted)
        assert found == (None if first is None else (first, times[first]))


def test_a_time_is_found_inside_a_compressed_batch(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    pairs = [(None, b"x")] * 3
    append(log, batch(*pairs, timestamps=[10, 20, 30], codec=3))
    assert log.offset_at_time(15) == (1, 20)
    assert log.offset_at_time(31) is None


def test_deleted_records_stay_deleted(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    for _ in range(5):
        append(log, batch())
    assert log.delete_records(3) == 3
    assert log.delete_records(1) == 3
    log.close()
    again = open_log(tmp_path)
    assert again.start_offset == 3
    assert offsets(again) == [3, 4]
    assert again.delete_records(-1) == 5
    with pytest.raises(RefusedError):
        again.delete_records(6)


def test_the_next_offset_survives_the_loss_of_all_records(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, batch())
    log.roll()
    for path in log.drop_segments(1):
        path.unlink()
    log.close()
    again = open_log(tmp_path)
    assert (again.start_offset, again.end_offset) == (1, 1)


def test_a_segment_is_closed_when_its_batches_span_too_much_time(tmp_path: Path) -> None:
    log = open_log(tmp_path, LogSettings(segment_ms=100))
    for time in (0, 100, 101):
        append(log, batch((b"k", b"v"), timestamps=[time]))
    assert [segment.base_offset for segment in log.segments] == [0, 2]


def test_a_reader_is_told_how_much_has_come(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    told: list[int] = []
    log.readers.add(told.append)
    data = batch()
    append(log, data, publish=False)
    append(log, data)
    assert told == [2 * len(data)]
    log.mark_deleted()
    assert told[-1] == 0
