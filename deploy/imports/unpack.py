"""Files as they lie there -> streams of plain bytes: gzip, zstd and zip, one inside the other."""

import gzip
import io
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from deploy.imports.places import Stream
from schemas.errors import Malformed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_BUFFER: Final = 1 << 16
_SUFFIXES: Final = (".gz", ".gzip", ".zst", ".zstd", ".zip")
BROKEN: Final = (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError, zipfile.BadZipFile)
"""What reading a part raises when it is not what its first bytes promised."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a file is unwrapped.

    Attributes:
        layers: wrappings, one inside the other.
        zips: of those that are zips.
        members: of one zip.
        held: bytes of a zip that are copied to disk; None for any number.
    """

    layers: int = 4
    zips: int = 4
    members: int = 1_000_000
    held: int | None = None


USUAL: Final = Bounds()


class Counted(io.RawIOBase):
    """Tells how many bytes were read, which is what progress is of."""

    def __init__(self, inner: Stream) -> None:
        super().__init__()
        self._inner = inner
        self.count = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into what is given."""
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


class Bounded(io.RawIOBase):
    """Gives so many bytes and no more; raises Malformed ``file-too-large`` (413) after them."""

    def __init__(self, inner: io.BufferedReader, most: int) -> None:
        super().__init__()
        self._inner = inner
        self._most = self._left = most

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into what is given."""
        data = self._inner.read(min(len(buffer), self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            message = f"unpacked it may have {self._most} bytes here: send it in parts"
            raise Malformed("file-too-large", message, status=413)
        buffer[: len(data)] = data
        return len(data)


@dataclass(frozen=True, slots=True)
class Part:
    """A file without its wrappings.

    Attributes:
        name: the file's, for a member of a zip with that behind it.
        plain: the same without what says how it is compressed.
    """

    name: str
    stream: io.BufferedReader

    @property
    def plain(self) -> str:
        """The name without what says how it is compressed."""
        name = self.name.partition("?")[0] if "://" in self.name else self.name
        while name.lower().endswith(_SUFFIXES):
            name = name.rpartition(".")[0]
        return name


def parts(name: str, raw: io.RawIOBase, bounds: Bounds = USUAL) -> Iterator[Part]:
    """Unwrap a file by its first bytes, whatever its name says.

    A zip is copied to disk, since its directory is at its end.

    Raises:
        Malformed: ``archive-invalid``, ``file-too-large``.
    """
    yield from _parts(name, io.BufferedReader(raw, _BUFFER), bounds)


def _parts(name: str, stream: io.BufferedReader, bounds: Bounds) -> Iterator[Part]:
    head = stream.peek(4)[:4]
    inner: Any = None
    if head.startswith(_GZIP):
        inner = gzip.GzipFile(fileobj=stream, mode="rb")
    elif head.startswith(_ZSTD):
        inner = zstd.ZstdFile(stream)
    elif not head.startswith(_ZIP):
        yield Part(name, stream)
        return
    if not bounds.layers or not (inner or bounds.zips):
        raise Malformed("archive-invalid", f"{name} is one wrapping too deep: unpack some of them")
    bounds = replace(bounds, layers=bounds.layers - 1)
    if inner is None:
        yield from _members(name, stream, replace(bounds, zips=bounds.zips - 1))
    else:
        yield from _parts(name, io.BufferedReader(inner, _BUFFER), bounds)


def _members(name: str, stream: io.BufferedReader, bounds: Bounds) -> Iterator[Part]:
    with on_disk(stream, bounds.held) as held:
        try:
            archive = zipfile.ZipFile(held)
        except zipfile.BadZipFile as error:
            raise Malformed("archive-invalid", f"{name} is no whole zip: {error}") from error
        if len(archive.infolist()) > bounds.members:
            message = f"{name} has more than {bounds.members} members: send fewer in one"
            raise Malformed("archive-invalid", message)
        for member in sorted(archive.infolist(), key=lambda each: each.filename):
            hidden = any(each.startswith((".", "__MACOSX")) for each in Path(member.filename).parts)
            if member.is_dir() or hidden or not member.file_size:
                continue
            if member.flag_bits & 1:
                raise Malformed("archive-invalid", f"{name}: {member.filename} is encrypted")
            inner: Any = _opened(archive, member, name)
            yield from _parts(
                f"{name}!{member.filename}", io.BufferedReader(inner, _BUFFER), bounds
            )


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except NotImplementedError as error:  # a way of compression that Python does not know
        message = f"{name}: {member.filename}: {error}: pack it with deflate"
        raise Malformed("archive-invalid", message) from error


def on_disk(stream: io.BufferedReader, most: int | None = None) -> IO[bytes]:
    """Copy a stream where it can be read in any order; gone when it is closed.

    Raises:
        Malformed: ``file-too-large`` for more than ``most`` bytes.
    """
    held = tempfile.TemporaryFile(prefix="headrace-import-")  # noqa: SIM115 - the caller closes it
    try:
        shutil.copyfileobj(stream if most is None else Bounded(stream, most), held, _BUFFER)
    except BaseException:
        held.close()
        raise
    held.seek(0)
    return held
