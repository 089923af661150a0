"""Request bodies: read with a time limit, inflated with a size limit, whatever their frames."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, Protocol

from lz4 import frame as lz4  # type: ignore[import-untyped]  # has no type hints
from starlette.requests import ClientDisconnect, Request

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.zstandard import zstd

_STEP: Final = 1024 * 1024


class _Inflater(Protocol):
    """One frame's decompressor, as `bz2`, `lz4.frame` and `compression.zstd` shape it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib in the same shape; ``wbits`` 47 reads both gzip and zlib headers."""

    def __init__(self, wbits: int = 47) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


_INFLATERS: Final[dict[str, Callable[[], _Inflater]]] = {
    "gzip": _Zlib,
    "deflate": _Zlib,
    "lz4": lz4.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
}


class Inflate:
    """Inflates a body that may consist of any number of concatenated frames.

    clickhouse-connect sends one frame per 8,192 rows; a decoder that stops after the first would
    store a part of the rows and report success.
    """

    def __init__(self, encoding: str) -> None:
        """Raise ``ClickHouseError`` 89 for an encoding that is not known here."""
        new = _INFLATERS.get(encoding)
        if new is None:
            raise ClickHouseError(
                errors.UNKNOWN_COMPRESSION_METHOD,
                "UNKNOWN_COMPRESSION_METHOD",
                f"Unknown Content-Encoding {encoding!r}: use one of {', '.join(_INFLATERS)}",
            )
        self._new, self._encoding = new, encoding
        self._frame: _Inflater | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Inflate ``data``, yielding pieces of at most 1 MiB; has to be exhausted.

        Piece by piece, so that the caller can stop where a bomb passes its bound. Raises
        ``ClickHouseError`` 271 when the bytes are not of this encoding.
        """
        try:
            while data or (self._frame is not None and not self._frame.needs_input):
                self._frame = self._frame or self._new()
                piece = self._frame.decompress(data, _STEP)
                data = b""
                if piece:
                    yield piece
                if self._frame.eof:
                    data, self._frame = self._frame.unused_data, None
        except (zlib.error, RuntimeError, zstd.ZstdError) as error:
            raise self._broken(str(error)) from error

    def finish(self) -> None:
        """Raise ``ClickHouseError`` 271 when the last frame is not complete."""
        if self._frame is not None:
            raise self._broken("the last frame is cut off")

    def _broken(self, why: str) -> ClickHouseError:
        return ClickHouseError(
            errors.CANNOT_DECOMPRESS,
            "CANNOT_DECOMPRESS",
            f"Cannot inflate the body as {self._encoding}: {why}",
        )


async def read_body(request: Request, *, patience: float, limit: int) -> AsyncIterator[bytes]:
    """Yield the inflated body in pieces.

    ``patience`` is how long a client may stay silent, in seconds; ``limit`` bounds the inflated
    size in bytes. Raises ``ClickHouseError`` 209 for silence, 229 over the limit, 89 and 271 for
    encodings, 236 when the client goes away.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    inflate = None if encoding in {"identity", ""} else Inflate(encoding)
    left = limit
    stream = aiter(request.stream())
    while (data := await _next(stream, patience)) is not None:
        for piece in inflate.feed(data) if inflate else [data]:
            left -= len(piece)
            if left < 0:
                raise ClickHouseError(
                    errors.QUERY_IS_TOO_LARGE,
                    "QUERY_IS_TOO_LARGE",
                    f"The body is larger than {limit} bytes: send it in smaller inserts",
                )
            if piece:
                yield piece
    if inflate:
        inflate.finish()


async def _next(stream: AsyncIterator[bytes], patience: float) -> bytes | None:
    try:
        async with asyncio.timeout(patience):
            return await anext(stream, None)
    except TimeoutError as error:
        raise ClickHouseError(
            errors.SOCKET_TIMEOUT, "SOCKET_TIMEOUT", f"No data from the client for {patience} s"
        ) from error
    except ClientDisconnect as error:
        raise ClickHouseError(
            errors.ABORTED, "ABORTED", "The client went away before the body's end"
        ) from error
