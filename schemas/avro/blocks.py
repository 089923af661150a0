"""Avro files of any size: one block after the other, each bounded like a file of its own."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from schemas.avro import MAX_SCHEMA_BYTES, MAX_VALUES, metadata, schema_of, squeezed, unpacked
from schemas.avro.source import Source, invalid
from schemas.avro.types import reader_of
from schemas.errors import Malformed

MAX_BLOCK_BYTES: Final = 64 << 20
"""Of one block, compressed as well as inflated; writers make them of some 64 KB."""
_MAGIC: Final = b"Obj\x01"
_SYNC: Final = 16
_MOST_HEAD: Final = MAX_SCHEMA_BYTES + (64 << 10)
_LONGEST_VARINT: Final = 10


def records(read: Callable[[int], bytes]) -> Iterator[Any]:
    """Read a stream's records as JSON values, as :func:`schemas.avro.records` has them.

    Args:
        read: gives at most so many bytes of the file, none at its end.

    Raises:
        Malformed: avro-invalid, avro-codec-unsupported, json-too-deep, too-many-events,
            body-too-large.
    """
    rest = _Rest(read)
    head, size = _head(rest)
    rest.drop(size)
    reader, is_squeezed = reader_of(schema_of(head)), squeezed(head)
    sync = rest.take(_SYNC)
    while not rest.at_end:
        held, size = rest.long(), rest.long()
        if held < 0 or not 0 <= size <= MAX_BLOCK_BYTES:
            raise invalid(f"a block has at most {MAX_BLOCK_BYTES} bytes")
        block = rest.take(size)
        if rest.take(_SYNC) != sync:
            raise invalid("a block does not end with the file's sync marker")
        inner = Source(unpacked(block, MAX_BLOCK_BYTES) if is_squeezed else block, MAX_VALUES)
        for _ in range(held):
            yield reader(inner, 0)
        if not inner.at_end:
            raise invalid("a block has more bytes than its records")


def _head(rest: "_Rest") -> tuple[dict[str, bytes], int]:
    """Read what is before the first sync marker, and how many bytes that is."""
    if rest.peek(len(_MAGIC)) != _MAGIC:
        raise invalid("this is no Avro object container file")
    wanted = 4 << 10
    while True:
        known = rest.peek(wanted)
        source = Source(known, MAX_VALUES)
        source.take(len(_MAGIC))
        try:
            return metadata(source), source.position
        except Malformed:
            if len(known) < wanted or wanted > _MOST_HEAD:
                raise
            wanted *= 4


class _Rest:
    """What is left of a stream."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._held = b""

    @property
    def at_end(self) -> bool:
        return not self.peek(1)

    def peek(self, size: int) -> bytes:
        while len(self._held) < size:
            more = self._read(max(size - len(self._held), 1 << 16))
            if not more:
                break
            self._held += more
        return self._held[:size]

    def drop(self, size: int) -> None:
        self._held = self._held[size:]

    def take(self, size: int) -> bytes:
        found = self.peek(size)
        if len(found) < size:
            raise invalid("the file ends in the middle of a block")
        self.drop(size)
        return found

    def long(self) -> int:
        source = Source(self.peek(_LONGEST_VARINT), MAX_VALUES)
        number = source.long()
        self.drop(source.position)
        return number
