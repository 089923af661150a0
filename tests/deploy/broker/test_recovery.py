"""Whatever happens to the files, what was stored before it is served as before."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.broker.segment import SUMMARY
from deploy.local.broker.summary import read_summary
from deploy.local.broker.topic_config import LogSettings
from tests.deploy.broker.building import append, batch, offsets, open_log

BATCHES = 3


def _written(directory: Path) -> Path:
    log = open_log(directory)
    for _ in range(BATCHES):
        append(log, batch((b"key", b"value")))
    log.close()
    return log.segments[0].path


def test_a_tail_torn_at_any_byte_is_cut(tmp_path: Path) -> None:
    whole = _written(tmp_path / "log").read_bytes()
    size = len(whole) // BATCHES
    path = tmp_path / "torn" / "00000000000000000000.log"
    path.parent.mkdir()
    for length in range(size * (BATCHES - 1), len(whole)):
        path.write_bytes(whole[:length])
        log = open_log(path.parent)
        assert offsets(log) == [0, 1]
        assert append(log, batch((b"key", b"value"))) == 2
        log.close()
        assert path.read_bytes() == whole


@pytest.mark.parametrize("bit", range(0, 8, 3))
def test_damage_to_any_byte_is_noticed(tmp_path: Path, bit: int) -> None:
    path = _written(tmp_path / "log")
    whole = path.read_bytes()
    size = len(whole) // BATCHES
    for at in range(size, 2 * size):
        if at - size in range(12, 16):
            continue  # the leader epoch is not covered by the checksum, and carries nothing
        damaged = bytearray(whole)
        damaged[at] ^= 1 << bit
        path.write_bytes(damaged)
        log = open_log(path.parent)
        # A larger base offset cannot be told from a gap that compaction left.
        found = offsets(log)
        assert found[0] == 0
        assert len(found) == 1 or at - size < 8
        log.close()


@given(tail=st.binary(max_size=300))
@settings(max_examples=100)
def test_junk_behind_the_last_batch_is_cut(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes
) -> None:
    directory = tmp_path_factory.mktemp("junk")
    path = _written(directory)
    before = path.read_bytes()
    path.write_bytes(before + tail)
    log = open_log(directory)
    log.close()
    assert path.read_bytes() == before
    assert log.end_offset == BATCHES


def _several_segments(directory: Path) -> LogSettings:
    small = LogSettings(segment_bytes=200)
    log = open_log(directory, small)
    for _ in range(9):
        append(log, batch((b"key", b"value")))
    log.close()
    assert len(log.segments) > 3
    return small


def test_damage_to_a_closed_segment_is_set_aside(tmp_path: Path) -> None:
    small = _several_segments(tmp_path)
    second = sorted(tmp_path.glob("*.log"))[1]
    content = second.read_bytes()
    second.write_bytes(content[:-1] + b"\xff")
    log = open_log(tmp_path, small)
    kept = offsets(log)
    assert len(kept) == 8
    assert kept[-1] == 8
    lost = content[len(content) // 2 :]
    assert next(iter(tmp_path.glob("*.damaged"))).read_bytes() == lost[:-1] + b"\xff"


def test_a_clean_start_reads_summaries_instead_of_batches(tmp_path: Path) -> None:
    small = _several_segments(tmp_path)
    first = open_log(tmp_path, small)
    before = offsets(first), first.end_offset, first.offset_at_time(1)
    first.close_cleanly()
    assert len(list(tmp_path.glob(f"*{SUMMARY}"))) == len(first.segments)
    again = open_log(tmp_path, small)
    assert all(read_summary(segment, again.producers) for segment in again.closed_segments)
    assert (offsets(again), again.end_offset, again.offset_at_time(1)) == before


def test_the_active_segment_has_a_summary_only_while_it_is_closed(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, batch(producer=(7, 0), sequence=0))
    log.close_cleanly()
    summary = log.segments[-1].path.with_suffix(SUMMARY)
    again = open_log(tmp_path)
    assert not summary.exists()
    assert append(again, batch(producer=(7, 0), sequence=0)) == 0


@pytest.mark.parametrize("damage", [b"", b"junk", b"00000000\n{}"])
def test_a_damaged_summary_is_ignored(tmp_path: Path, damage: bytes) -> None:
    small = _several_segments(tmp_path)
    for path in tmp_path.glob("*.log"):
        path.with_suffix(SUMMARY).write_bytes(damage)
    assert offsets(open_log(tmp_path, small)) == list(range(9))


def test_a_summary_of_another_size_is_ignored(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, batch())
    log.close_cleanly()
    path = log.segments[0].path
    summary = path.with_suffix(SUMMARY)
    kept = summary.read_bytes()
    more = open_log(tmp_path)
    append(more, batch())
    more.close()
    summary.write_bytes(kept)
    assert offsets(open_log(tmp_path)) == [0, 1]


def test_a_crash_between_the_steps_of_a_swap_is_finished(tmp_path: Path) -> None:
    small = _several_segments(tmp_path / "log")
    log = open_log(tmp_path / "log", small)
    first, end = log.segments[0].base_offset, log.segments[2].base_offset
    replacement = log.segments[0].path.read_bytes()
    log.close()
    shutil.copytree(tmp_path / "log", tmp_path / "later")
    for stage in ("log", "later"):
        directory = tmp_path / stage
        (directory / f"{first:020d}-{end:020d}.swap").write_bytes(replacement)
        (directory / f"{first:020d}.cleaned").write_bytes(b"half")
        if stage == "later":
            (directory / f"{log.segments[1].base_offset:020d}.log").unlink()
        again = open_log(directory, small)
        assert again.segments[1].base_offset == end
        assert not list(directory.glob("*.swap")) + list(directory.glob("*.cleaned"))
        again.close()
