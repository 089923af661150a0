"""The records inside a batch: only for time look-up, compaction and keyed topics.

Parsing and compression are aiokafka's (compiled); everything it can raise on a damaged body is
turned into `BadRecordsError`, because a producer can send any bytes with a right checksum.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from .batch import (
    CODEC_MASK,
    HEADER_SIZE,
    LAST_OFFSET_DELTA_AT,
    BatchHeader,
    checksum,
    read_header,
)

_NO_ROOM_LIMIT = 2**31 - 1


class BadRecordsError(Exception):
    """The body of a batch cannot be read as records."""


class Record(NamedTuple):
    """One record; `offset` absolute, `timestamp` in ms since the epoch."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def read_records(batch: bytes) -> Iterator[Record]:
    """Yield the records of one batch in order; raises `BadRecordsError`."""
    try:
        for record in DefaultRecordBatch(batch):
            yield Record(record.offset, record.timestamp, record.key, record.value, record.headers)
    except Exception as error:  # the parser and five codecs raise whatever they like
        raise BadRecordsError(f"cannot read the records of a batch: {error}") from error


def rebuild(batch: bytes, kept: list[Record]) -> bytes:
    """Return the batch with only `kept` in it, at the same offsets and with a new checksum.

    Base offset, last offset, producer and sequence stay, as Kafka's log cleaner leaves them: so
    readers see a gap, and the producer's state can still be rebuilt from the log. With nothing
    kept an empty batch is left (record count 0), again as Kafka does.
    """
    header = read_header(batch)
    built = _built(header, kept) if kept else _empty(header)
    struct.pack_into(">q", built, 0, header.base_offset)
    struct.pack_into(">i", built, 12, header.leader_epoch)
    struct.pack_into(">i", built, LAST_OFFSET_DELTA_AT, header.last_offset_delta)
    struct.pack_into(">I", built, 17, checksum(built))
    return bytes(built)


def _built(header: BatchHeader, kept: list[Record]) -> bytearray:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=header.attributes & CODEC_MASK,
        is_transactional=0,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        batch_size=_NO_ROOM_LIMIT,
    )
    for record in kept:
        delta = record.offset - header.base_offset
        builder.append(
            delta,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=record.headers,
        )
    return bytearray(builder.build())


def _empty(header: BatchHeader) -> bytearray:
    built = bytearray(HEADER_SIZE)
    struct.pack_into(
        ">qiibIhiqqqhii",
        built,
        0,
        *header._replace(length=HEADER_SIZE - 12, record_count=0, attributes=0),
    )
    return built
