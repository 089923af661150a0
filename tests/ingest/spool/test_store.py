"""The files of the spool: through crashes at any byte, damage, and the death of other processes."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ingest.spool.frames import Contents, Lane, encode
from ingest.spool.segment import Foreign
from ingest.spool.store import START, Entry, Place, Store

LANE = ("t.raw.shop", 1)
LIMIT = 1 << 12  # segments of 256 bytes
NOTHING: frozenset[Lane] = frozenset()


def opened(root: Path, limit: int = LIMIT) -> Store:
    store = Store(root, limit=limit)
    store.open()
    return store


def put(store: Store, *values: bytes, lane: Lane = LANE) -> None:
    store.append([encode(lane, value, 7) for value in values])


def entries(store: Store, skip: frozenset[Lane] = NOTHING, window: int = 300) -> list[Entry]:
    found: list[Entry] = []
    place: Place | None = START
    while place is not None:
        more, place = store.read(place, window, skip)
        found += more
    return found


def values(store: Store, skip: frozenset[Lane] = NOTHING) -> list[bytes]:
    return [entry.value for entry in entries(store, skip)]


def crash(store: Store) -> None:
    """Let go of the files as a killed process does."""
    for segment in store._segments:
        segment.close()
    assert store._lock is not None
    os.close(store._lock)


class Life(RuleBasedStateMachine):
    """Appends, drains and crashes in any order: what was taken is drained in order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.store = opened(self.root)
        self.number = 0
        self.taken: dict[Lane, list[bytes]] = {}

    def frames(self, lanes: list[int]) -> list[tuple[Lane, bytes]]:
        made = []
        for partition in lanes:
            self.number += 1
            made.append((("t", partition), b"%d" % self.number * (1 + self.number % 60)))
        return made

    @rule(lanes=st.lists(st.integers(0, 2), min_size=1, max_size=5))
    def append(self, lanes: list[int]) -> None:
        group = self.frames(lanes)
        self.store.append([encode(lane, value, self.number) for lane, value in group])
        for lane, value in group:
            self.taken.setdefault(lane, []).append(value)

    @precondition(lambda self: any(self.taken.values()))
    @rule(count=st.integers(1, 9), skipped=st.integers(0, 2))
    def drain(self, count: int, skipped: int) -> None:
        skip = frozenset({("t", skipped)})
        chosen = entries(self.store, skip)[:count]
        for entry in chosen:
            assert self.taken[entry.lane].pop(0) == entry.value
        self.store.mark([entry.place for entry in chosen])

    @rule(lanes=st.lists(st.integers(0, 2), max_size=5), data=st.data())
    def crash_while_appending(self, lanes: list[int], data: st.DataObject) -> None:
        group = self.frames(lanes)
        torn = b"".join(encode(lane, value, self.number) for lane, value in group)
        cut = data.draw(st.integers(0, len(torn)))
        active = self.store._active
        if active is not None:
            with active.path.open("ab") as file:
                file.write(torn[:cut])
            whole = 0
            for lane, value in group:  # what got to disk whole may stay: its client was not told
                whole += len(encode(lane, value, 0))
                if whole <= cut:
                    self.taken.setdefault(lane, []).append(value)
        crash(self.store)
        self.store = Store(self.root, limit=LIMIT)
        found = self.store.open()
        found.merge(self.store.adopt())
        waiting = {lane: len(left) for lane, left in self.taken.items() if left}
        assert {lane: frames for lane, (frames, _) in found.lanes.items()} == waiting

    @rule()
    def another_takes_over(self) -> None:
        another = opened(self.root)
        assert another.folder != self.store.folder
        crash(self.store)
        another.adopt()
        self.store = another

    @invariant()
    def everything_taken_waits_in_order(self) -> None:
        found: dict[Lane, list[bytes]] = {}
        for entry in entries(self.store):
            found.setdefault(entry.lane, []).append(entry.value)
        assert found == {lane: left for lane, left in self.taken.items() if left}
        files = {path for path in self.root.rglob("*") if path.is_file()}
        assert files == {segment.path for segment in self.store._segments}
        assert sum(path.stat().st_size for path in files) >= self.store.size

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


Life.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestLife = Life.TestCase


def test_two_processes_never_share_a_folder(tmp_path: Path) -> None:
    one, two = opened(tmp_path), opened(tmp_path)
    put(one, b"one")
    put(two, b"two")
    assert one.folder != two.folder
    assert two.adopt() == Contents()
    one.close()
    assert values(two) == [b"two"]
    assert list(two.adopt().lanes) == [LANE]
    assert values(two) == [b"two", b"one"]
    two.close()
    three = opened(tmp_path)
    three.adopt()
    assert values(three) == [b"two", b"one"]


def test_a_drained_spool_leaves_nothing_on_disk(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, b"a", b"b" * 300)
    put(store, b"c", lane=("other", 2))
    store.mark([entry.place for entry in entries(store, frozenset({LANE}))])
    assert values(store) == [b"a", b"b" * 300]
    store.mark([entry.place for entry in entries(store)])
    assert store.size == 0
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_damage_to_what_was_accepted_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(tmp_path)
    for value in (b"a" * 150, b"b" * 150, b"c"):
        put(store, value)
    first = store._segments[0].path
    crash(store)
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(content)
    store = opened(tmp_path)
    assert values(store) == [b"a" * 150, b"c"]
    (aside,) = store.folder.glob("*.damaged")
    assert b"b" * 149 in aside.read_bytes()
    assert str(aside) in caplog.text


def test_damage_found_while_reading_is_said(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, b"a")
    with store._segments[0].path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"b")
    with pytest.raises(OSError, match="is damaged at byte 8: start ingest again"):
        entries(store)


def test_a_file_of_another_version_is_not_touched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "0000000001.spool").write_bytes(b"HRSPOOL9 and more")
    with pytest.raises(Foreign, match="another version"):
        Store(tmp_path, limit=LIMIT).open()
    (tmp_path / "1").rename(tmp_path / "7")
    store = opened(tmp_path)
    assert [store.adopt(), store.adopt()] == [Contents(), Contents()]
    assert caplog.text.count("another version") == 1
    assert (tmp_path / "7" / "0000000001.spool").read_bytes() == b"HRSPOOL9 and more"


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    put(store, b"a")
    with monkeypatch.context() as broken:
        broken.setattr("ingest.spool.segment.sync_data", _fail)
        with pytest.raises(OSError, match="input/output"):
            put(store, b"lost")
    put(store, b"b")
    assert len(store._segments) == 2
    crash(store)
    assert values(opened(tmp_path)) == [b"a", b"b"]


def _fail(_: int) -> None:
    raise OSError(5, "input/output error")
