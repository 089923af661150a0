"""The record batch, Kafka's unit of storage: an opaque body behind 61 readable bytes.

The broker reads the header, checks the CRC and stamps the base offset; it never looks at a
record, except where compaction or a time look-up has to (see `records`).
Layout: https://kafka.apache.org/documentation/#recordbatch (magic 2)
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import crc32c

_HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_SIZE = _HEADER.size
LENGTH_END = 12  # base offset and length are not counted by the length field
CRC_FROM = 21  # the checksum covers everything from the attributes on
LAST_OFFSET_DELTA_AT = 23
MAGIC = 2
CODEC_MASK, TRANSACTIONAL, CONTROL = 0x07, 0x10, 0x20
LOG_APPEND_TIME = 0x08
LEADER_EPOCH = 0  # one node, never another leader

_STAMP = struct.Struct(">qii")


class BatchHeader(NamedTuple):
    """The fixed part of a batch, in the order of the wire."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch."""
        return self.length + LENGTH_END

    @property
    def last_offset(self) -> int:
        """Offset of the last record, kept by compaction even where that record is gone."""
        return self.base_offset + self.last_offset_delta

    @property
    def last_sequence(self) -> int:
        """Sequence number of the last record; sequences wrap at 2**31."""
        return (self.base_sequence + self.last_offset_delta) & 0x7FFFFFFF


def read_header(buffer: bytes | bytearray | memoryview, at: int = 0) -> BatchHeader:
    """Unpack the header at `at`; raises struct.error when fewer than 61 bytes are there."""
    return BatchHeader._make(_HEADER.unpack_from(buffer, at))


def checksum(batch: bytes | bytearray | memoryview) -> int:
    """CRC32C as the header should carry it."""
    with memoryview(batch) as view:
        return int(crc32c.crc32c(view[CRC_FROM:]))


def is_sound(batch: memoryview, header: BatchHeader) -> bool:
    """Whether `batch`, exactly `header.size` bytes, is what its producer built."""
    return header.magic == MAGIC and checksum(batch) == header.crc


def stamped(batch: memoryview, base_offset: int) -> list[bytes | memoryview]:
    """Give a batch its place in the log: the first 16 bytes are outside the checksum."""
    length = struct.unpack_from(">i", batch, 8)[0]
    return [_STAMP.pack(base_offset, length, LEADER_EPOCH), batch[_STAMP.size :]]


def whole_batches(data: bytes, start: int = 0) -> int:
    """Bytes of `data` that are complete batches; `start` is a known batch boundary."""
    end, size = start, len(data)
    while end + LENGTH_END <= size:
        following = end + LENGTH_END + struct.unpack_from(">i", data, end + 8)[0]
        if following > size:
            break
        end = following
    return end


def sound_batches(
    view: memoryview, start: int = 0, next_offset: int = 0
) -> Iterator[tuple[int, BatchHeader]]:
    """Yield (position, header) up to the first byte that is not part of a sound batch.

    Offsets must rise: a batch below `next_offset` is leftover of something else.
    """
    at = start
    while at + HEADER_SIZE <= len(view):
        header = read_header(view, at)
        end = at + header.size
        if header.length < HEADER_SIZE - LENGTH_END or end > len(view):
            return
        if header.base_offset < next_offset or header.last_offset_delta < 0:
            return
        with view[at:end] as batch:
            if not is_sound(batch, header):
                return
        yield at, header
        at, next_offset = end, header.last_offset + 1
