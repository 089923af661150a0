"""Answers and data of INSERTs on disk: whole before they are used, never in memory as a whole."""

import contextlib
import errno
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.errors import ClickHouseError

_SMALL: Final = 1024 * 1024


class Spool:
    """A folder for what is on its way, on the data's own disk; empty between statements."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, and remove what a killed process left there."""
        self._folder = folder
        folder.mkdir(exist_ok=True)
        for left in folder.iterdir():
            left.unlink()

    def new(self) -> Path:
        """A path that nothing has yet."""
        return self._folder / uuid.uuid4().hex

    def upload(self) -> "Upload":
        """A place for the data of one INSERT; blocking, raises as :meth:`Upload.append`."""
        return Upload(self._folder)


class Upload:
    """The data of one INSERT, in a file without a name; methods block.

    The engine reads it once it is complete. Handing pieces to the engine (``send_insert`` of chDB
    4.4) would spare the file, but then a failure to write the last block, such as a full disk, is
    not reported: the INSERT is answered like one that was stored.
    """

    def __init__(self, folder: Path) -> None:
        with _full_disk_named():
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()

    def append(self, data: bytes) -> None:
        """Add a piece; raises ``ClickHouseError`` when the disk is full."""
        with _full_disk_named():
            self._file.write(data)

    @property
    def path(self) -> str:
        """Where the engine finds it; raises ``ClickHouseError`` as :meth:`append`.

        A name of its own could hold characters that the engine takes for a pattern.
        """
        with _full_disk_named():
            self._file.flush()
        return f"/dev/fd/{self._file.fileno()}"

    def close(self) -> None:
        """Forget the data."""
        with contextlib.suppress(OSError):  # what could not be written is not wanted any more
            self._file.close()


@contextlib.contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _full(str(error.strerror)) from error


def _full(why: str) -> ClickHouseError:
    return ClickHouseError(
        errors.NOT_ENOUGH_SPACE, "NOT_ENOUGH_SPACE", f"Cannot keep the data: {why}"
    )


def written(path: Path) -> int:
    """How large an answer has become, in bytes."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def take(path: Path) -> tuple[bytes, BinaryIO | None, int]:
    """Open and unlink an answer: its bytes if it is small, else the open file, and its size.

    A file that was never written is an empty answer, as of ``FORMAT Null``. chDB 4.4 does not tell
    when the disk had no room for all of one, so none is trusted that filled it.

    Raises:
        ClickHouseError: the disk is full.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return b"", None, 0
    left = os.fstatvfs(file.fileno()).f_bavail
    path.unlink()
    if not left:
        file.close()
        raise _full(os.strerror(errno.ENOSPC))
    size = os.fstat(file.fileno()).st_size
    if size > _SMALL:
        return b"", file, size
    with file:
        return file.read(), None, size
