"""What a person can mend is put into a sentence; what is our defect is not."""

import errno
from pathlib import Path

import pytest

from deploy.settings import SettingError, Settings
from deploy.tier import explain
from schemas.errors import HeadraceError, Unavailable

SETTINGS = Settings(data=Path("/data"))


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (SettingError("say it so"), ("say it so",)),
        (OSError(errno.ENOSPC, "full"), ("/data", "full", "--data")),
        (OSError(errno.EACCES, "denied", "/data/kafka"), ("/data/kafka", "denied", "--data")),
        (OSError(errno.EROFS, "read-only"), ("/data", "read-only", "--data")),
        (OSError(errno.EADDRINUSE, "in use"), ("in use", "port")),
        (Unavailable("broker-unavailable", "start Kafka"), ("start Kafka",)),
        (Unavailable("not-enough-space", "Code: 243.\nmore"), ("Code: 243.", "free some space")),
        (ExceptionGroup("g", [ValueError(), SettingError("inside")]), ("inside",)),
    ],
    ids=str,
)
def test_a_mendable_error_becomes_a_sentence(error: Exception, parts: tuple[str, ...]) -> None:
    sentence = explain(error, SETTINGS)
    assert sentence is not None
    assert [part for part in parts if part not in sentence] == []
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bug"),
        OSError(errno.EBADF, "bad"),
        ExceptionGroup("g", [KeyError("k")]),
        HeadraceError("processors-crashed", "a bug"),
    ],
)
def test_a_defect_is_left_to_its_traceback(error: Exception) -> None:
    assert explain(error, SETTINGS) is None
