"""Files and folders that survive a crash: written whole, owned by one process."""

import contextlib
import fcntl
import os
from pathlib import Path

_datasync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync


def write_all(file: int, data: bytes, position: int) -> None:
    """Write everything at ``position``; raises OSError, and then some of it may be in the file.

    A short write is how a full disk announces itself: going on makes the kernel say why.
    """
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, position)
        position += written
        view = view[written:]


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


def own(directory: Path) -> int | None:
    """Lock a directory for as long as the returned descriptor is open; None when another has it.

    The lock is on the directory itself and goes with its process, however that ends. Raises
    OSError.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(directory, handle):
            return handle
    except BlockingIOError:
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _is_still(directory: Path, handle: int) -> bool:
    """Tell whether the locked directory is the one of that name, which its owner may remove."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(directory.stat(), os.fstat(handle))
    return False


def try_to_write(directory: Path) -> None:
    """Write and remove a small file; raises OSError when that cannot be."""
    path = directory / "probe"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        write_all(handle, bytes(1 << 16), 0)
        os.fsync(handle)
    finally:
        os.close(handle)
        path.unlink()
