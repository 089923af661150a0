"""JSON lines <-> values; this room's door to orjson."""

import contextlib
import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from schemas.errors import Malformed

_BOM: Final = b"\xef\xbb\xbf"
_UP_TO_HALF_A_PAIR: Final = re.compile(
    rb"((?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+)"
    rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_MOST_HALVES: Final = 10_000
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def loads(data: bytes | bytearray | memoryview | str) -> Any:
    """Parse one JSON document (RFC 8259, UTF-8).

    What strict parsers refuse and clients send nevertheless is read: a byte order mark, and
    half an emoji (an unpaired surrogate escape, from texts cut by UTF-16 units), which becomes
    U+FFFD. Of a repeated key the last value counts.

    Raises:
        Malformed: code ``json-invalid``; ``where`` holds the byte position of the fault.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        mended = _mended(data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data))
        if mended is not None:
            with contextlib.suppress(orjson.JSONDecodeError):
                return orjson.loads(mended)
        raise Malformed("json-invalid", str(error), where=(error.pos,)) from error


def _mended(data: bytes) -> bytes | None:
    """Drop a byte order mark, replace halves of pairs; None when there is nothing of either."""
    parts: list[bytes] = []
    at = len(_BOM) if data.startswith(_BOM) else 0
    start = at
    for _ in range(_MOST_HALVES):
        found = _UP_TO_HALF_A_PAIR.match(data, at)
        if found is None:
            break
        parts += (found[1], b"\\ufffd")
        at = found.end()
    return b"".join([*parts, data[at:]]) if parts or start else None


def dumps(value: Any) -> bytes:
    """Serialise to compact JSON; dataclasses become objects.

    Raises:
        Malformed: code ``json-unserialisable`` for what JSON cannot hold, and for what is
            nested deeper than 254 (orjson's bound, so the stack is never at risk).
    """
    try:
        # a copy, for orjson 3.13 does not give back what its buffer had to spare: whatever is
        # kept would weigh 4 kB and more
        return b"%b" % orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise Malformed("json-unserialisable", str(error)) from error


def one_line(document: bytes) -> bytes:
    """Make a valid JSON document fit a line without touching its meaning.

    JSON forbids raw line breaks inside strings (RFC 8259, section 7), so every CR and LF
    is white space between tokens and may become a blank.
    """
    return document.translate(_LINE_BREAKS)


def embed(document: bytes) -> Any:
    """Wrap JSON bytes so that :func:`dumps` writes them as they are, unparsed."""
    return orjson.Fragment(document)


def join_lines(lines: Iterable[bytes]) -> bytes:
    """Pack JSON documents, one per line, without a final line break."""
    return b"\n".join(lines)


def split_lines(value: bytes) -> list[bytes]:
    """Take a packed record apart; empty lines are no events."""
    return [line for line in value.split(b"\n") if line]
