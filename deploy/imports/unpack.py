"""Files as they lie there -> streams of plain bytes: gzip, zstd and zip, one inside the other."""

import gzip
import io
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
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
_LAYERS: Final = 4
_BUFFER: Final = 1 << 16
_SUFFIXES: Final = (".gz", ".gzip", ".zst", ".zstd", ".zip")
BROKEN: Final = (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError, zipfile.BadZipFile)
"""What reading a part raises when it is not what its first bytes promised."""


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


def parts(name: str, raw: io.RawIOBase) -> Iterator[Part]:
    """Unwrap a file by its first bytes, whatever its name says.

    A zip that is no file on disk is copied to one, since its directory is at its end.

    Raises:
        Malformed: ``archive-invalid``.
    """
    yield from _parts(name, io.BufferedReader(raw, _BUFFER), 0)


def _parts(name: str, stream: io.BufferedReader, depth: int) -> Iterator[Part]:
    head = stream.peek(4)[:4]
    if depth > _LAYERS:
        raise Malformed("archive-invalid", f"{name} is wrapped more than {_LAYERS} times")
    if head.startswith(_GZIP):
        inner = gzip.GzipFile(fileobj=stream, mode="rb")
        yield from _parts(name, io.BufferedReader(inner, _BUFFER), depth + 1)
    elif head.startswith(_ZSTD):
        yield from _parts(name, io.BufferedReader(zstd.ZstdFile(stream), _BUFFER), depth + 1)
    elif head.startswith(_ZIP):
        yield from _members(name, stream, depth)
    else:
        yield Part(name, stream)


def _members(name: str, stream: io.BufferedReader, depth: int) -> Iterator[Part]:
    with on_disk(stream) as held:
        try:
            archive = zipfile.ZipFile(held)
        except zipfile.BadZipFile as error:
            raise Malformed("archive-invalid", f"{name} is no whole zip: {error}") from error
        for member in sorted(archive.infolist(), key=lambda each: each.filename):
            hidden = any(each.startswith((".", "__MACOSX")) for each in Path(member.filename).parts)
            if member.is_dir() or hidden or not member.file_size:
                continue
            if member.flag_bits & 1:
                raise Malformed("archive-invalid", f"{name}: {member.filename} is encrypted")
            inner: Any = archive.open(member)
            buffered = io.BufferedReader(inner, _BUFFER)
            yield from _parts(f"{name}!{member.filename}", buffered, depth + 1)


def on_disk(stream: io.BufferedReader) -> IO[bytes]:
    """Copy a stream where it can be read in any order; gone when it is closed."""
    held = tempfile.TemporaryFile(prefix="headrace-import-")  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(stream, held, _BUFFER)
    held.seek(0)
    return held
