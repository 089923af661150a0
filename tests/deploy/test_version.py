import re
from importlib.metadata import version
from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def test_the_changelogs_newest_entry_is_this_version() -> None:
    newest = re.search(r"^## (\S+)$", CHANGELOG.read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version("headrace")
