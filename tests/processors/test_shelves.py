"""Shelves: what is kept of a partition is what its changelog says, wherever a worker ends."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.disk import Cupboard
from processors.pack import Items
from processors.restore import restore
from processors.shelves import MemoryShelf, Shelf
from schemas.errors import Unavailable
from schemas.topics import Topics
from tests.processors.world import Tracker

KEYS = [b"a", b"b", b"c"]
Make = Callable[[], Shelf]


@pytest.fixture(params=["memory", "rocksdb"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return MemoryShelf if request.param == "memory" else lambda: Cupboard(tmp_path).open(0)


def test_a_shelf_keeps_tells_and_forgets(make: Make) -> None:
    shelf = make()
    shelf[b"a"], shelf[b"b"] = b"1", b"2"
    assert (shelf.get(b"a"), shelf.get(b"c"), shelf.offset) == (b"1", None, -1)
    told = shelf.items([b"a", b"b"])
    assert told == [(b"a", b"1"), (b"b", b"2")]
    shelf.landed(told, 1)
    del shelf[b"a"]
    assert shelf.get(b"a") is None
    assert shelf.items([b"a"]) == [(b"a", None)]
    shelf.landed([(b"a", None)], 2)
    assert (shelf.get(b"a"), shelf.get(b"b"), shelf.offset) == (None, b"2", 2)
    assert list(shelf.walk()) == [(b"b", b"2")]
    shelf.close()


def test_a_walk_sees_every_state_once_whatever_changes_meanwhile(make: Make) -> None:
    shelf = make()
    shelf.restore([(b"%04d" % number, b"x") for number in range(1000)], 999)
    seen = []
    for key, _ in shelf.walk():
        seen.append(key)
        del shelf[key]
        shelf.landed(shelf.items([key]), 1000 + len(seen))
    assert seen == [b"%04d" % number for number in range(1000)]
    assert list(shelf.walk()) == []
    shelf.close()


def test_what_is_under_way_can_be_told_after_the_partition_went(make: Make) -> None:
    shelf = make()
    shelf[b"a"] = b"1"
    shelf.close()
    assert shelf.items([b"a"]) == [(b"a", b"1")]
    shelf.landed([(b"a", b"1")], 5)


def test_small_changes_reach_the_changelog_when_there_are_too_many(tmp_path: Path) -> None:
    shelf = Cupboard(tmp_path).open(0)
    for number in range(5000):
        shelf[b"%d" % number] = b"x"
    keys = list(shelf.overdue())
    assert keys == [b"%d" % number for number in range(904)]
    shelf.landed(shelf.items(keys), 903)
    assert list(shelf.overdue()) == []
    assert shelf.get(b"0") == shelf.get(b"4999") == b"x"
    shelf.close()


def test_one_directory_is_for_one_worker(tmp_path: Path) -> None:
    shelf = Cupboard(tmp_path).open(0)
    with pytest.raises(Unavailable) as caught:
        Cupboard(tmp_path).open(0)
    assert caught.value.code == "store-unusable"
    assert "--worker" in caught.value.message
    shelf.close()


class Life:
    """A shelf on disk with its changelog, and what the broker has not acknowledged."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.shelf = Cupboard(directory).open(0)
        self.log: Items = []
        self.under_way: list[tuple[Items, int]] = []

    def change(self, key: bytes, state: bytes | None) -> None:
        if state is None:
            del self.shelf[key]
        else:
            self.shelf[key] = state

    def write(self, keys: list[bytes]) -> None:
        if items := self.shelf.items(keys):
            self.log += items
            self.under_way.append((items, len(self.log) - 1))

    def land(self, which: int) -> None:
        if self.under_way:
            self.shelf.landed(*self.under_way.pop(which % len(self.under_way)))
        self.write(list(self.shelf.overdue()))

    def crash(self) -> None:
        """End anywhere; begin again from the files and the rest of the changelog."""
        self.shelf.close()
        self.under_way.clear()
        self.shelf = Cupboard(self._directory).open(0)
        assert dict(self.shelf.walk()) == said(self.log[: self.shelf.offset + 1])
        rest = self.log[self.shelf.offset + 1 :]
        self.shelf.restore(rest, len(self.log) - 1)
        assert dict(self.shelf.walk()) == said(self.log)


def said(log: Items) -> dict[bytes, bytes]:
    latest = {key: state for key, state in log if key is not None}
    return {key: state for key, state in latest.items() if state is not None}


key = st.sampled_from(KEYS)
steps = st.one_of(
    st.tuples(st.just("change"), key, st.one_of(st.none(), st.binary(max_size=3))),
    st.tuples(st.just("write"), st.lists(key, min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("land"), st.just(0)),
    st.tuples(st.just("crash")),
)


@settings(max_examples=40)
@given(st.lists(steps, max_size=25))
def test_a_crash_anywhere_leaves_what_the_changelog_says(done: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder))
        for name, *arguments in done:
            getattr(life, str(name))(*arguments)
        life.crash()
        life.shelf.close()


@settings(max_examples=40)
@given(st.lists(st.one_of(steps, st.tuples(st.just("land"), st.just(-1))), max_size=25))
def test_what_lands_out_of_order_is_right_once_all_has_landed(
    done: list[tuple[object, ...]],
) -> None:
    """A record that was written again after a failure has a later offset than its followers."""
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder))
        for name, *arguments in done:
            if name != "crash":
                getattr(life, str(name))(*arguments)
        while life.under_way:
            life.land(0)
        life.crash()
        life.shelf.close()


async def test_a_shelf_is_brought_up_to_the_end_of_its_changelog(
    kafka: str, topics: Topics, tracker: Tracker, make: Make
) -> None:
    changelog = topics.sessions(f"{topics.prefix}-processors").name
    for number in range(3):
        await tracker.state(changelog, 1, b"%d" % (number % 2), b"x%d" % number)
    ours, empty, foreign = make(), MemoryShelf(), MemoryShelf()
    foreign.restore([(b"old", b"x")], 7)
    renewed = []

    def renew(partition: int) -> Shelf:
        renewed.append(partition)
        return MemoryShelf()

    await restore(kafka, changelog, {1: ours, 2: empty, 3: foreign}, renew)
    assert dict(ours.walk()) == {b"0": b"x2", b"1": b"x1"}
    assert (ours.offset, empty.offset, renewed) == (2, -1, [3])
    await tracker.state(changelog, 1, b"0", None)
    await restore(kafka, changelog, {1: ours}, renew)
    assert (dict(ours.walk()), ours.offset) == ({b"1": b"x1"}, 3)
    ours.close()
