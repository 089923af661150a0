"""Where the files of an import are: on disk, in a directory, on standard input, at a URL, in S3."""

import contextlib
import http.client
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from deploy.imports import s3
from schemas.errors import HeadraceError, Malformed, Unavailable

STDIN: Final = "-"
_TIMEOUT_SECONDS: Final = 60.0
_NOT_FOUND: Final = frozenset({401, 403, 404, 410})


Fetch = Callable[[urllib.request.Request], Any]
"""Gives an answer with ``headers``, ``read`` and ``close``, or raises as :func:`fetched`."""


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
        request: makes what it is asked for with: a signature counts for some minutes.
        fetch: asks for it.
    """

    name: str
    size: int
    path: Path | None = None
    request: Callable[[], urllib.request.Request] | None = None
    fetch: Fetch | None = None

    def open(self) -> Stream:
        """Open it.

        Raises:
            Malformed: ``file-missing``.
            Unavailable: ``file-unreadable``.
        """
        if self.request is not None and self.fetch is not None:
            return _Remote(self.fetch(self.request()), self.name)
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
            yield from remote(argument, {}, s3.Access(), fetched)
        elif scheme == "s3":
            yield from remote(argument, {}, s3.Access.of(environ), fetched)
        elif scheme:
            message = f"{argument}: a file, a directory, -, http(s):// or s3:// is wanted"
            raise Malformed("address-unsupported", message)
        else:
            yield from _local(Path(argument))


def remote(
    address: str, headers: Mapping[str, str], access: s3.Access, fetch: Fetch
) -> Iterator[Place]:
    """Find what an address names: ``http(s)://...`` a file, ``s3://...`` an object or a prefix.

    Args:
        headers: of requests that are not S3's.

    Raises:
        Malformed: ``address-unsupported``, ``file-missing``.
        Unavailable: ``file-unreadable``.
    """
    scheme = urlsplit(address).scheme.lower()
    if scheme == "s3":
        yield from _objects(address, access, fetch)
    elif scheme in {"http", "https"}:
        asked = partial(urllib.request.Request, address, headers=dict(headers))
        yield Place(address, 0, request=asked, fetch=fetch)
    else:
        message = f"{address[:200]}: an address is http(s)://... or s3://bucket/key"
        raise Malformed("address-unsupported", message)


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


def _objects(address: str, access: s3.Access, fetch: Fetch) -> Iterator[Place]:
    parts = urlsplit(address)
    bucket, key = parts.netloc, parts.path.removeprefix("/")
    if key and not key.endswith("/"):
        yield Place(address, 0, request=partial(access.get, bucket, key), fetch=fetch)
        return
    more: str | None = ""
    while more is not None:
        with contextlib.closing(fetch(access.list(bucket, key, more))) as answer:
            found, more = s3.listed(answer.read(s3.MAX_LISTING + 1))
        for name, size in found:
            if size and not name.endswith("/"):
                asked = partial(access.get, bucket, name)
                yield Place(f"s3://{bucket}/{name}", size, request=asked, fetch=fetch)


def fetched(request: urllib.request.Request) -> Any:
    """Ask for a file.

    Raises:
        Malformed: ``file-missing``.
        Unavailable: ``file-unreadable``.
    """
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310 - http(s)
    except HTTPError as error:
        raise refusal(request.full_url, error.code, error.reason) from error
    except (URLError, OSError) as error:
        what = request.full_url.partition("?")[0]
        raise Unavailable("file-unreadable", f"{what}: {error}") from error


def refusal(url: str, status: int, reason: object) -> HeadraceError:
    """Word an answer that is no file."""
    what = f"{url.partition('?')[0]} answers {status} {reason}"
    if status in _NOT_FOUND:
        return Malformed("file-missing", f"{what}: check the address and the keys")
    return Unavailable("file-unreadable", f"{what}: run it again, it goes on")


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
