"""JSON lines <-> values; this room's door to orjson."""

from collections.abc import Iterable
from typing import Any

import orjson

from schemas.errors import Malformed

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def loads(data: bytes | bytearray | memoryview | str) -> Any:
    """Parse one JSON document (RFC 8259, UTF-8).

    Raises:
        Malformed: code ``json-invalid``; ``where`` holds the byte position of the fault.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Malformed("json-invalid", str(error), where=(error.pos,)) from error


def dumps(value: Any) -> bytes:
    """Serialise to compact JSON; dataclasses become objects.

    Raises:
        Malformed: code ``json-unserialisable`` for what JSON cannot hold, and for what is
            nested deeper than 254 (orjson's bound, so the stack is never at risk).
    """
    try:
        return orjson.dumps(value)
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
