from pathlib import Path

import pytest

from deploy.local.broker.errors import Code, RefusedError
from deploy.local.broker.offsets import Committed, CommittedOffsets


def _open(path: Path, current: str = "one") -> CommittedOffsets:
    return CommittedOffsets(path, lambda _, identity: identity == current)


def _at(offset: int, identity: str = "one") -> Committed:
    return Committed(offset, 0, "note", 1_000, identity)


def test_commits_survive(tmp_path: Path) -> None:
    offsets = _open(tmp_path / "offsets")
    offsets.commit("g", {("t", 0): _at(5), ("t", 1): _at(7)})
    offsets.commit("g", {("t", 0): _at(6)})
    offsets.commit("other", {("u", 0): _at(1)})
    # Not closed: as after a kill.
    again = _open(tmp_path / "offsets")
    assert again.of("g") == {("t", 0): _at(6), ("t", 1): _at(7)}
    assert list(again.groups()) == ["g", "other"]
    again.forget_topic("t")
    again.forget_group("other")
    assert list(_open(tmp_path / "offsets").groups()) == []


def test_a_line_torn_at_any_byte_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "offsets"
    offsets = _open(path)
    offsets.commit("g", {("t", 0): _at(5)})
    before = path.read_bytes()
    offsets.commit("g", {("t", 0): _at(6)})
    whole = path.read_bytes()
    for length in range(len(before), len(whole) - 1):
        path.write_bytes(whole[:length])
        assert _open(path).of("g") == {("t", 0): _at(5)}


def test_commits_for_an_earlier_topic_of_that_name_are_dropped(tmp_path: Path) -> None:
    _open(tmp_path / "offsets").commit("g", {("t", 0): _at(5)})
    assert _open(tmp_path / "offsets", current="two").of("g") == {}


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "offsets"
    offsets = _open(path)
    for offset in range(1_100):
        offsets.commit("g", {("t", 0): _at(offset)})
    grown = path.stat().st_size
    offsets.rewrite_if_stale()
    assert path.stat().st_size < grown / 500
    offsets.commit("g", {("t", 0): _at(2_000)})
    assert _open(path).of("g") == {("t", 0): _at(2_000)}


def test_a_full_disk_is_answered_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets = _open(tmp_path / "offsets")
    offsets.commit("g", {("t", 0): _at(1)})

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.pwritev", full)
        with pytest.raises(RefusedError) as refused:
            offsets.commit("g", {("t", 0): _at(2)})
    assert refused.value.code is Code.COORDINATOR_NOT_AVAILABLE
    assert offsets.of("g") == {("t", 0): _at(1)}
    offsets.commit("g", {("t", 0): _at(3)})
    assert _open(tmp_path / "offsets").of("g") == {("t", 0): _at(3)}
