"""Where the files of an import are: on disk, in a directory, on standard input, at a URL, in S3."""

import http.client
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from deploy.imports import s3
from schemas.errors import Malformed, Unavailable

STDIN: Final = "-"
_TIMEOUT_SECONDS: Final = 60.0
_NOT_FOUND: Final = frozenset({401, 403, 404, 410})


class Stream(Protocol):
    """Bytes that are read from their beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most so many bytes; none at the end."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file that can be opened.

    Attributes:
        name: as the import calls it, also in its state.
        size: bytes, 0 when nobody knows.
    """

    name: str
    size: int
    path: Path | None = None
    request: urllib.request.Request | None = None

    def open(self) -> Stream:
        """Open it.

        Raises:
            Malformed: ``file-missing``.
            Unavailable: ``file-unreadable``.
        """
        if self.request is not None:
            return _Remote(_fetch(self.request), self.name)
        if self.path is None:
            return sys.stdin.buffer
        try:
            return self.path.open("rb")
        except OSError as error:
            raise Malformed("file-missing", f"{self.name}: {error.strerror}") from error


def find(arguments: Sequence[str], environ: Mapping[str, str]) -> Iterator[Place]:
    """Find the files that the arguments name, those of a directory or prefix in their order.

    Raises:
        Malformed: ``file-missing``, ``address-unsupported``.
        Unavailable: ``file-unreadable``.
    """
    for argument in arguments:
        scheme = urlsplit(argument).scheme.lower() if "://" in argument else ""
        if argument == STDIN:
            yield Place(STDIN, 0)
        elif scheme in {"http", "https"}:
            yield _remote(argument, urllib.request.Request(argument))  # noqa: S310 - checked above
        elif scheme == "s3":
            yield from _objects(argument, s3.Access.of(environ))
        elif scheme:
            message = f"{argument}: a file, a directory, -, http(s):// or s3:// is wanted"
            raise Malformed("address-unsupported", message)
        else:
            yield from _local(Path(argument))


def _local(path: Path) -> Iterator[Place]:
    if not path.exists():
        raise Malformed("file-missing", f"{path}: there is no such file")
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file())
        visible = [each for each in found if not _hidden(each.relative_to(path))]
        if not visible:
            raise Malformed("file-missing", f"{path}: there are no files in it")
        for each in visible:
            yield from _local(each)
        return
    size = path.stat().st_size if path.is_file() else 0
    yield Place(str(path.resolve()), size, path=path)


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _remote(name: str, request: urllib.request.Request) -> Place:
    return Place(name, 0, request=request)


def _objects(address: str, access: s3.Access) -> Iterator[Place]:
    parts = urlsplit(address)
    bucket, key = parts.netloc, parts.path.removeprefix("/")
    if key and not key.endswith("/"):
        yield _remote(address, access.get(bucket, key))
        return
    more: str | None = ""
    while more is not None:
        answer = _fetch(access.list(bucket, key, more)).read()
        found, more = s3.listed(answer)
        for name, size in found:
            if size and not name.endswith("/"):
                where = f"s3://{bucket}/{name}"
                yield Place(where, size, request=access.get(bucket, name))


def _fetch(request: urllib.request.Request) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310 - http(s)
    except HTTPError as error:
        what = f"{request.full_url.partition('?')[0]} answers {error.code} {error.reason}"
        if error.code in _NOT_FOUND:
            raise Malformed("file-missing", f"{what}: check the address and the keys") from error
        raise Unavailable("file-unreadable", f"{what}: run it again, it goes on") from error
    except (URLError, OSError) as error:
        what = request.full_url.partition("?")[0]
        raise Unavailable("file-unreadable", f"{what}: {error}") from error


class _Remote:
    """The body of an answer; an end before its time is an error and not the end of the file."""

    def __init__(self, answer: IO[bytes], name: str) -> None:
        self._answer = answer
        self._name = name
        length = getattr(answer, "headers", {}).get("Content-Length") or "0"
        self.size = int(length) if length.isdecimal() else 0
        self._left = self.size

    def read(self, size: int = -1, /) -> bytes:
        """Read on.

        Raises:
            Unavailable: ``file-unreadable``.
        """
        try:
            data = self._answer.read() if size < 0 else self._answer.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(str(error)) from error
        self._left -= len(data)
        if not data and size and self._left > 0:
            raise self._broken("the connection ended early")
        return data

    def close(self) -> None:
        """Hang up."""
        self._answer.close()

    def _broken(self, why: str) -> Unavailable:
        return Unavailable("file-unreadable", f"{self._name}: {why}; run it again, it goes on")


def size_of(stream: Stream, place: Place) -> int:
    """Bytes that there are in all, 0 when nobody knows."""
    if isinstance(stream, _Remote):
        return stream.size
    if place.path is None and place.request is None:
        try:
            return os.fstat(sys.stdin.fileno()).st_size
        except (OSError, ValueError):
            return 0
    return place.size
