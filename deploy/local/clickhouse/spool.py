"""Answers on disk: whole before their first byte is sent, and never in memory as a whole."""

import os
import uuid
from pathlib import Path
from typing import BinaryIO, Final

_SMALL: Final = 1024 * 1024


class Spool:
    """A folder of answers on their way, on the data's own disk; empty between statements."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, and remove what a killed process left there."""
        self._folder = folder
        folder.mkdir(exist_ok=True)
        for left in folder.iterdir():
            left.unlink()

    def new(self) -> Path:
        """A path that nothing has yet."""
        return self._folder / uuid.uuid4().hex


def written(path: Path) -> int:
    """How large an answer has become, in bytes."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def take(path: Path) -> tuple[bytes, BinaryIO | None, int]:
    """Open and unlink an answer: its bytes if it is small, else the open file, and its size.

    A file that was never written is an empty answer, as of ``FORMAT Null``.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return b"", None, 0
    path.unlink()
    size = os.fstat(file.fileno()).st_size
    if size > _SMALL:
        return b"", file, size
    with file:
        return file.read(), None, size
