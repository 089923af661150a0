"""Small files that are replaced as a whole, and directories that survive a power cut."""

import os
from pathlib import Path

_datasync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a crash leaves the old or the new file; raises OSError."""
    draft = path.with_name(path.name + ".draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_all(file: int, parts: list[bytes | memoryview], position: int) -> None:
    """Write everything at `position`; raises OSError, and then some of it may be in the file.

    A short write is how a full disk announces itself: going on makes the kernel say why.
    """
    written = os.pwritev(file, parts, position)
    if written < sum(map(len, parts)):
        rest = b"".join(parts)[written:]
        while rest:
            position += written
            written = os.pwrite(file, rest, position)
            rest = rest[written:]


def sync_data(file: int) -> None:
    """Make the content of an open file durable; raises OSError."""
    _datasync(file)


def sync_directory(directory: Path) -> None:
    """Make created, renamed and removed names of a directory durable; raises OSError."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
