"""What a worker leaves for the one that takes its place, however it ended."""

import logging
from pathlib import Path

import pytest

from processors.membership import Membership


def test_who_comes_next_learns_who_was_there(tmp_path: Path) -> None:
    first, second, third = (Membership(tmp_path / "new" / "data") for _ in range(3))
    assert first.take() == ""
    first.keep("faust-1-a-long-one")
    first.keep("faust-2")
    first.release()
    assert second.take() == "faust-2"
    second.release()
    assert third.take() == "faust-2"
    third.release()


def test_who_lives_is_not_declared_dead(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    living, other, later = (Membership(tmp_path) for _ in range(3))
    assert living.take() == ""
    living.keep("living")
    assert other.take() == ""
    assert "another processor uses" in caplog.text
    assert "--worker" in caplog.text
    other.keep("other")
    other.release()
    living.release()
    assert later.take() == "living"
    later.release()


def test_a_directory_that_cannot_be_used_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    membership = Membership(tmp_path / "file")
    assert membership.take() == ""
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "session time-out" in caplog.text
    membership.keep("somebody")
    membership.release()


@pytest.mark.parametrize("broken", [b"\xff\xfe", b"x" * 5_000, b"\n\n"])
def test_what_is_broken_names_nobody_who_lives(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "member").write_bytes(broken)
    membership = Membership(tmp_path)
    assert len(membership.take()) <= 1_024
    membership.keep("somebody")
    membership.release()
    assert (tmp_path / "member").read_bytes() == b"somebody"
