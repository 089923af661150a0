"""Compressed bodies -> bytes, never more than the bound of them; pure."""

import mmap
import zlib
from typing import Any, Final

import cramjam

from schemas.errors import Malformed

_GZIP: Final = b"\x1f\x8b"
_IDENTITY: Final = frozenset({"", "identity"})
_CODECS: Final = {"zstd": cramjam.zstd, "br": cramjam.brotli}
_MAX_MEMBERS: Final = 16
"""Members of one gzip body. Clients send one; thousands of empty ones would cost a copy of
the rest each, so 5 MiB could keep a core busy for minutes."""
_GZIP_BITS: Final = 31
_ZLIB_BITS: Final = 15
_RAW_BITS: Final = -15
_OVERFLOW: Final = "failed to write whole buffer"
"""What cramjam says when the output does not fit; everything else is a broken body."""


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a request's Content-Encoding.

    gzip is also recognised by its first bytes, because posthog-js sends it with no header at
    all and JSON cannot begin with them. ``deflate`` is taken with the zlib wrapper, as RFC 9110
    section 8.4.1.2 has it, and without, as some clients send it.

    Args:
        encoding: the Content-Encoding header, "" when there was none.
        limit: bytes that the result may have; also what is held in memory at most.

    Raises:
        Malformed: ``body-too-large`` (413), ``inflate-failed``, ``encoding-unsupported`` (415).
    """
    name = encoding.strip().lower()
    if not body or name in _IDENTITY:
        return _gunzip(body, limit) if body.startswith(_GZIP) else body
    if name in {"gzip", "x-gzip"}:
        return _gunzip(body, limit)
    if name == "deflate":
        return _undeflate(body, limit)
    if name in _CODECS:
        return _decompress(_CODECS[name], body, limit)
    raise Malformed(
        "encoding-unsupported",
        f"Content-Encoding {encoding[:40]!r} is not known: send gzip, deflate, br or zstd",
        status=415,
    )


def too_large(limit: int) -> Malformed:
    """What to raise for a body above its bound."""
    return Malformed(
        "body-too-large",
        f"the body has more than {limit} bytes: send fewer events per request",
        status=413,
    )


def _gunzip(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left, rest = limit, body
    for _ in range(_MAX_MEMBERS):
        part, rest = _inflate_one(rest, _GZIP_BITS, left)
        parts.append(part)
        left -= len(part)
        rest = rest.lstrip(b"\x00")  # padding to a block's size, as gzip(1) tolerates it
        if not rest:
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise _broken("too many gzip members")


def _undeflate(body: bytes, limit: int) -> bytes:
    # RFC 1950: method 8, and the first two bytes are a multiple of 31; else it is bare.
    wrapped = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    part, rest = _inflate_one(body, _ZLIB_BITS if wrapped else _RAW_BITS, limit)
    if rest:
        raise _broken("bytes after the end of the deflate stream")
    return part


def _inflate_one(data: bytes, bits: int, limit: int) -> tuple[bytes, bytes]:
    """Inflate one stream; return it and what follows it."""
    stream = zlib.decompressobj(bits)
    try:
        # One more than allowed tells "exactly the bound" from "above it"; 0 would mean no bound.
        part = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise _broken(str(error)) from error
    if len(part) > limit:
        raise too_large(limit)
    if not stream.eof:
        raise _broken("the stream is cut short")
    return part, stream.unused_data


def _decompress(codec: Any, body: bytes, limit: int) -> bytes:
    # An anonymous map costs only the pages that are written; one byte more, because a map
    # of no bytes cannot be.
    with mmap.mmap(-1, limit + 1) as room:
        try:
            size: int = codec.decompress_into(body, room)
        except cramjam.DecompressionError as error:
            if str(error) == _OVERFLOW:
                raise too_large(limit) from error
            raise _broken(str(error)) from error
        if size > limit:
            raise too_large(limit)
        return room[:size]


def _broken(why: str) -> Malformed:
    return Malformed("inflate-failed", f"the body does not match its Content-Encoding: {why}")
