"""Files are whole or not there."""

import stat
from pathlib import Path

import pytest

from deploy.files import OWNER_ONLY, replace_file


def test_a_file_is_replaced_with_its_mode_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    replace_file(path, b"one")
    replace_file(path, b"two", mode=OWNER_ONLY)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == OWNER_ONLY
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "addresses.json"
    replace_file(path, b"one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("deploy.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]
