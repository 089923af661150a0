"""Avro object container files -> JSON values, bounded (Apache Avro 1.11.1 specification).

Read here and not by fastavro, which the tests hold it against: fastavro 1.13.1 follows a
recursive schema down the C stack, so that five million bytes end the process, takes an array's
count at its word, so that ten bytes of nulls fill the memory, and inflates without a bound.
"""

import zlib
from collections.abc import Iterator
from typing import Any, Final

from schemas import codec
from schemas.avro.source import Source, invalid
from schemas.avro.types import reader_of
from schemas.errors import Malformed

MAX_SCHEMA_BYTES: Final = 256 << 10
"""Of the schema in a file's head: hundreds of columns with their documentation."""
MAX_VALUES: Final = 1_000_000
"""Values of one file, inner ones included: ten thousand records of a hundred fields."""

_MAGIC: Final = b"Obj\x01"
_SYNC_BYTES: Final = 16


def records(data: bytes, *, most: int, inflated: int) -> Iterator[Any]:
    """Read a file's records as JSON values.

    Times become ISO 8601 in UTC, dates ``YYYY-MM-DD``, decimals numbers, bytes the text that
    Avro's own JSON encoding gives them (each byte the character of its number); what JSON
    cannot hold (NaN, infinities) is null.

    Args:
        most: records.
        inflated: bytes of all blocks after inflation.

    Raises:
        Malformed: ``avro-invalid``; ``avro-codec-unsupported`` for other codecs than null and
            deflate; ``json-too-deep``; with status 413 ``too-many-events`` and
            ``body-too-large``.
    """
    file = Source(data, MAX_VALUES)
    if file.take(len(_MAGIC)) != _MAGIC:
        raise invalid("this is no Avro object container file")
    head = metadata(file)
    read = reader_of(schema_of(head))
    is_squeezed = squeezed(head)
    sync = file.take(_SYNC_BYTES)
    count = 0
    while not file.at_end:
        held = file.long()
        block = file.take(file.long())
        if file.take(_SYNC_BYTES) != sync:
            raise invalid("a block does not end with the file's sync marker")
        count += held
        if held < 0 or count > most:
            raise Malformed("too-many-events", f"send at most {most} records per file", status=413)
        plain = unpacked(block, inflated) if is_squeezed else block
        inflated -= len(plain)
        if inflated < 0:
            raise _too_large()
        inner = Source(plain, file.left)
        for _ in range(held):
            yield read(inner, 0)
        file.left = inner.left
        if not inner.at_end:
            raise invalid("a block has more bytes than its records")


def metadata(file: Source) -> dict[str, bytes]:
    """Read what a file says of itself before its first block."""
    head: dict[str, bytes] = {}
    while count := file.long():
        if count < 0:
            file.long()  # the block's size in bytes, for those who skip it
        for _ in range(abs(count)):
            file.spend()
            name = file.text()
            head[name] = file.take(file.long())
    return head


def schema_of(head: dict[str, bytes]) -> Any:
    """Find the schema; Malformed ``avro-invalid`` otherwise."""
    text = head.get("avro.schema", b"")
    if not text or len(text) > MAX_SCHEMA_BYTES:
        raise invalid(f"a file's schema has 1 to {MAX_SCHEMA_BYTES} bytes")
    try:
        return codec.loads(text)
    except Malformed as error:
        raise invalid(f"the file's schema is no JSON: {error.message}") from error


def squeezed(head: dict[str, bytes]) -> bool:
    """Tell whether blocks are deflated; Malformed ``avro-codec-unsupported`` otherwise."""
    name = head.get("avro.codec", b"null")
    if name not in {b"null", b"deflate"}:
        raise Malformed("avro-codec-unsupported", "write the Avro file with codec null or deflate")
    return name == b"deflate"


def unpacked(block: bytes, most: int) -> bytes:
    """Inflate a block; Malformed ``avro-invalid`` or ``body-too-large``."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(block, most + 1)
    except zlib.error as error:
        raise invalid(f"a block does not inflate: {error}") from error
    if len(plain) > most:
        raise _too_large()
    if not inflater.eof:
        raise invalid("a block ends before its data")
    return plain


def _too_large() -> Malformed:
    return Malformed("body-too-large", "the file inflates to too many bytes: split it", status=413)
