from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.broker import compaction
from deploy.local.broker.batch import read_header
from deploy.local.broker.compaction import compact
from deploy.local.broker.log import PartitionLog
from deploy.local.broker.records import read_records
from deploy.local.broker.topic_config import LogSettings
from tests.deploy.broker.building import Pair, append, batch, names, offsets, open_log

FAR_FUTURE_S = 1e12
COMPACTED = LogSettings(segment_bytes=400, compact=True, delete=False, min_dirty_ratio=0.01)


def _table(log: PartitionLog) -> dict[bytes | None, tuple[int, bytes | None]]:
    """What a reader from the start ends up with; deletions count as they are."""
    table: dict[bytes | None, tuple[int, bytes | None]] = {}
    at = log.start_offset
    while data := log.read(at, 1, at_least_one=True):
        header = read_header(data)
        if header.record_count:
            for record in read_records(data):
                table[record.key] = (record.offset, record.value)
        at = header.last_offset + 1
    return table


def _fill(log: PartitionLog, pairs: list[Pair], codec: int = 0) -> None:
    for at in range(0, len(pairs), 2):
        append(log, batch(*pairs[at : at + 2], codec=codec))
    log.roll()


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
async def test_the_last_value_of_each_key_stays_where_it_was(tmp_path: Path, codec: int) -> None:
    log = open_log(tmp_path, COMPACTED)
    _fill(log, [(b"k%d" % (i % 7), b"v%d" % i) for i in range(200)], codec)
    before, size = _table(log), log.size
    assert await compact(log)
    assert _table(log) == before
    assert log.size < size / 5
    assert not await compact(log), "nothing is new, so nothing is to be done"
    log.close()
    assert _table(open_log(tmp_path, COMPACTED)) == before


async def test_every_offset_can_be_fetched_across_the_gaps(tmp_path: Path) -> None:
    log = open_log(tmp_path, COMPACTED)
    _fill(log, [(b"k%d" % (i % 3), b"v") for i in range(60)])
    append(log, batch((b"last", b"v")))
    await compact(log)
    held = sorted(offset for offset, _ in _table(log).values())
    for wanted in range(61):
        header = read_header(log.read(wanted, 1, at_least_one=True))
        assert header.last_offset >= wanted
        assert not [o for o in held if wanted <= o < header.base_offset]


@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from([b"a", b"b", b"c", b"a long key beyond a digest"]),
            st.none() | st.binary(max_size=40),
        ),
        min_size=1,
        max_size=60,
    ),
    rounds=st.integers(1, 3),
)
@settings(max_examples=25)
async def test_compaction_never_changes_the_table(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[Pair], rounds: int
) -> None:
    log = open_log(tmp_path_factory.mktemp("law"), COMPACTED)
    for _ in range(rounds):
        _fill(log, pairs)
        before = _table(log)
        await compact(log)
        assert _table(log) == before
    log.close()


async def test_a_deletion_stays_until_everybody_could_see_it(tmp_path: Path) -> None:
    log = open_log(tmp_path, COMPACTED)
    _fill(log, [(b"gone", b"v"), (b"gone", None), (b"kept", b"v"), (b"kept", b"w")])
    await compact(log, now_s=FAR_FUTURE_S)
    assert _table(log)[b"gone"] == (1, None)
    _fill(log, [(b"other", b"v")] * 20)
    await compact(log, now_s=FAR_FUTURE_S)
    assert b"gone" not in _table(log)
    assert _table(log)[b"kept"] == (3, b"w")


async def test_a_retry_is_still_known_when_its_batch_was_compacted_away(tmp_path: Path) -> None:
    log = open_log(tmp_path, COMPACTED)
    retried = batch((b"k", b"old"), producer=(9, 0), sequence=0)
    placed = append(log, retried)
    _fill(log, [(b"k", b"new")] * 20)
    await compact(log)
    assert _table(log)[b"k"][0] == 20
    log.close()
    again = open_log(tmp_path, COMPACTED)
    assert append(again, retried) == placed
    assert again.end_offset == 21


async def test_small_segments_are_put_together(tmp_path: Path) -> None:
    log = open_log(tmp_path, COMPACTED)
    for _ in range(10):
        _fill(log, [(b"k%d" % i, b"v") for i in range(6)])
    assert len(log.segments) > 10
    await compact(log)
    _fill(log, [(b"k0", b"w")])
    await compact(log)
    assert len(log.segments) <= 4


async def test_what_nobody_can_read_stays(tmp_path: Path) -> None:
    log = open_log(tmp_path, COMPACTED)
    unreadable = bytearray(batch((b"k", b"v" * 30)))
    unreadable[61:66] = b"\xff" * 5
    append(log, bytes(unreadable))
    _fill(log, [(b"k", b"v")] * 20)
    await compact(log)
    assert offsets(log)[0] == 0


async def test_a_pass_is_bounded_by_the_keys_it_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_MAX_KEYS", 5)
    log = open_log(tmp_path, COMPACTED)
    _fill(log, [(b"k%d" % (i % 30), b"v%d" % i) for i in range(300)])
    before, passes = _table(log), 0
    while await compact(log):
        passes += 1
    assert passes > 3
    assert _table(log) == before


async def test_a_full_disk_leaves_the_log_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log(tmp_path, COMPACTED)
    _fill(log, [(b"k%d" % (i % 3), b"v") for i in range(60)])
    before, files = _table(log), names(tmp_path)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.pwritev", full)
        with pytest.raises(OSError, match="No space"):
            await compact(log)
    assert names(tmp_path) == files
    assert _table(log) == before
    assert await compact(log)
