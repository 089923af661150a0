"""Compressed bodies -> bytes, never more than the bound of them; pure."""

import mmap
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import cramjam

from schemas.errors import Malformed

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZLIB: Final = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""What zlib writes at its usual levels; the first bytes of no text."""
_FIRST_BYTES: Final = frozenset({_GZIP[0], _ZSTD[0], _ZLIB[0][0]})
_MAX_LAYERS: Final = 3
"""Codings of one body; the rest of a longer list is one name that nobody knows."""
_MAX_MEMBERS: Final = 16
"""Members of one gzip body. Clients send one; thousands of empty ones would cost a copy of
the rest each, so 5 MiB could keep a core busy for minutes."""
_GZIP_BITS: Final = 31
_ZLIB_BITS: Final = 15
_RAW_BITS: Final = -15
_UNSUPPORTED: Final = 415
_OVERFLOW: Final = "failed to write whole buffer"
"""What cramjam says when the output does not fit; everything else is a broken body."""


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a request's Content-Encoding, believing the bytes more than the label.

    Clients compress and do not say so (posthog-js), proxies inflate and leave the label: gzip,
    zstd and zlib are recognised by their first bytes, and what begins like JSON and cannot be
    inflated is taken as it is. ``deflate`` comes with the zlib wrapper, as RFC 9110 section
    8.4.1.2 has it, and without.

    Args:
        encoding: the Content-Encoding header, "" when there was none; several codings are
            undone from the last to the first.
        limit: bytes that the result may have; also what is held in memory at most, per coding.

    Raises:
        Malformed: ``body-too-large`` (413), ``inflate-failed``, ``encoding-unsupported`` (415).
    """
    if encoding:
        names = [name.strip().lower() for name in encoding.split(",", _MAX_LAYERS - 1)]
        for name in reversed(names):
            if body and name not in {"", "identity"}:
                body = _undo(name, body, limit)
    if not body or body[0] not in _FIRST_BYTES:
        return body
    actual = _sniff(body)
    return _DECODERS[actual](body, limit) if actual else body


def _undo(label: str, body: bytes, limit: int) -> bytes:
    """Undo one coding, the one that the bytes show if they do, else the one of its label."""
    decode = _DECODERS.get(_sniff(body) or label)
    like_json = body[:64].lstrip()[:1] in {b"{", b"["}
    if decode is None and not like_json:
        raise Malformed(
            "encoding-unsupported",
            f"Content-Encoding {label[:40]!r} is not known: send gzip, deflate, br or zstd",
            status=_UNSUPPORTED,
        )
    try:
        return body if decode is None else decode(body, limit)
    except Malformed as error:
        if like_json and error.code != "body-too-large":
            return body
        raise


def _sniff(body: bytes) -> str:
    if body.startswith(_GZIP):
        return "gzip"
    if body.startswith(_ZSTD):
        return "zstd"
    return "deflate" if body.startswith(_ZLIB) else ""


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


_DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "zstd": partial(_decompress, cramjam.zstd),
    "br": partial(_decompress, cramjam.brotli),
}


def _broken(why: str) -> Malformed:
    return Malformed("inflate-failed", f"the body does not match its Content-Encoding: {why}")
