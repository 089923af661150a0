"""Produce (key 0, versions 3 to 8): check a batch, place it in its log, wait until it is safe."""

import asyncio
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from .batch import (
    CODEC_MASK,
    CONTROL,
    HEADER_SIZE,
    LENGTH_END,
    LOG_APPEND_TIME,
    MAGIC,
    TRANSACTIONAL,
    BatchHeader,
    is_sound,
    read_header,
)
from .errors import Code, HangUpError, RefusedError, refuse
from .log import PartitionLog
from .producers import NO_PRODUCER
from .records import BadRecordsError, read_records
from .state import BrokerState, Call, Outcome, Pending
from .wire import INT16, INT32, Buffers, Reader, pack_string

_ZSTD, _FIRST_WITH_ZSTD = 4, 7
_LAST_CODEC = 4
# The versions in which a field came.
_WITH_LOG_START, _WITH_MESSAGE = 5, 8
_PARTITION = struct.Struct(">ihqq")
_NO_OFFSET = -1


@dataclass(slots=True)
class _Written:
    """The answer for one partition, and the log to wait for."""

    topic: str
    partition: int
    code: Code = Code.NONE
    message: str = ""
    base_offset: int = _NO_OFFSET
    log: PartitionLog | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    topic: str
    partition: int
    records: memoryview | None


def produce(state: BrokerState, call: Call) -> Outcome:
    """Append every batch of the request; answered when all of them are durable."""
    reader = Reader(call.body)
    transactional_id = reader.nullable_string()
    acks = reader.int16()
    reader.int32()  # timeout: one node has nobody to wait for
    parts = list(_parts(reader))
    if acks not in {-1, 0, 1}:
        refused = [_Written(p.topic, p.partition, Code.INVALID_REQUIRED_ACKS) for p in parts]
        return _answer(call.version, refused)
    results = [_write(state, call.version, part, transactional_id) for part in parts]
    safe = state.flusher.cover({result.log for result in results if result.log is not None})
    for result in results:
        if result.code is not Code.NONE:
            state.metrics.errors[result.code.name] += 1
    if acks == 0:
        _hang_up_on_failure(results)
        return None
    if safe is None:
        return _answer(call.version, results)
    return _answer_when_safe(call.version, results, safe)


def _parts(reader: Reader) -> Iterator[_Part]:
    for _ in range(reader.array()):
        topic = reader.string()
        for _ in range(reader.array()):
            yield _Part(topic, reader.int32(), reader.nullable_bytes())


def _write(state: BrokerState, version: int, part: _Part, transactional_id: str | None) -> _Written:
    result = _Written(part.topic, part.partition)
    try:
        if state.faults.refuse_produce is not None:
            refuse(state.faults.refuse_produce)
        if transactional_id is not None:
            refuse(Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "this broker has no transactions")
        log = state.topics.log(part.topic, part.partition)
        header, batch = _checked(part.records, version, log)
        result.base_offset = log.append(header, batch)
        result.log = log
    except RefusedError as refused:
        result.code, result.message = refused.code, str(refused)
    return result


def _checked(
    records: memoryview | None, version: int, log: PartitionLog
) -> tuple[BatchHeader, memoryview]:
    """Return the one batch of `records`; raises `RefusedError` when it must not be stored."""
    if records is None or len(records) < HEADER_SIZE:
        raise RefusedError(Code.INVALID_RECORD, "there is no record batch")
    header = read_header(records)
    if header.magic != MAGIC:
        raise RefusedError(Code.UNSUPPORTED_FOR_MESSAGE_FORMAT, "record batches have magic 2")
    if header.length < HEADER_SIZE - LENGTH_END or header.size > len(records):
        raise RefusedError(Code.CORRUPT_MESSAGE, "the batch is longer than what was sent")
    if header.size < len(records):
        raise RefusedError(Code.INVALID_RECORD, "there must be exactly one batch per partition")
    if not is_sound(records, header):
        raise RefusedError(Code.CORRUPT_MESSAGE, "the checksum does not match")
    if header.size > log.settings.max_message_bytes:
        raise RefusedError(
            Code.MESSAGE_TOO_LARGE,
            f"{header.size} bytes are more than max.message.bytes of the topic, "
            f"{log.settings.max_message_bytes}",
        )
    _check_header(header, version)
    if log.settings.compact:
        _check_keys(records)
    return header, records


def _check_header(header: BatchHeader, version: int) -> None:
    codec = header.attributes & CODEC_MASK
    if codec > _LAST_CODEC or (codec == _ZSTD and version < _FIRST_WITH_ZSTD):
        raise RefusedError(Code.UNSUPPORTED_COMPRESSION_TYPE)
    if header.attributes & (CONTROL | TRANSACTIONAL | LOG_APPEND_TIME):
        raise RefusedError(Code.INVALID_RECORD, "clients cannot send such a batch to this broker")
    if header.record_count < 1 or header.record_count != header.last_offset_delta + 1:
        raise RefusedError(Code.INVALID_RECORD, "record count and last offset do not agree")
    if header.producer_id != NO_PRODUCER and (
        header.producer_id < 0 or header.producer_epoch < 0 or header.base_sequence < 0
    ):
        raise RefusedError(Code.INVALID_RECORD, "producer epoch or sequence is missing")


def _check_keys(batch: memoryview) -> None:
    try:
        keyless = any(record.key is None for record in read_records(bytes(batch)))
    except BadRecordsError as error:
        raise RefusedError(Code.CORRUPT_MESSAGE, str(error)) from error
    if keyless:
        raise RefusedError(Code.INVALID_RECORD, "a compacted topic takes no record without a key")


def _hang_up_on_failure(results: list[_Written]) -> None:
    # Nobody reads an answer with acks=0; closing is Kafka's way to make the client look again.
    failed = [result for result in results if result.code is not Code.NONE]
    if failed:
        raise HangUpError(f"acks=0 and {failed[0].topic}: {failed[0].message}")


def _answer_when_safe(
    version: int,
    results: list[_Written],
    safe: asyncio.Future[frozenset[PartitionLog]],
) -> Pending:
    answer: asyncio.Future[Buffers | None] = asyncio.get_running_loop().create_future()

    def settle(done: asyncio.Future[frozenset[PartitionLog]]) -> None:
        if answer.done():
            return
        error = None if done.cancelled() else done.exception()
        failed = None if done.cancelled() or error else done.result()
        for result in results:
            if result.log is not None and (failed is None or result.log in failed):
                result.code, result.message = Code.KAFKA_STORAGE_ERROR, "cannot sync the log"
                result.base_offset = _NO_OFFSET
        answer.set_result(_answer(version, results))

    safe.add_done_callback(settle)
    return Pending(answer, holds=False)


def _answer(version: int, results: list[_Written]) -> Buffers:
    topics: dict[str, list[_Written]] = {}
    for result in results:
        topics.setdefault(result.topic, []).append(result)
    out: Buffers = [INT32.pack(len(topics))]
    for topic, partitions in topics.items():
        out += [pack_string(topic), INT32.pack(len(partitions))]
        out += map(partial(_partition_answer, version), partitions)
    out.append(INT32.pack(0))  # throttle time
    return out


def _partition_answer(version: int, result: _Written) -> bytes:
    out = _PARTITION.pack(result.partition, result.code, result.base_offset, -1)
    if version >= _WITH_LOG_START:
        start = _NO_OFFSET if result.log is None else result.log.start_offset
        out += struct.pack(">q", start)
    if version >= _WITH_MESSAGE:
        failed = result.code is not Code.NONE
        out += INT32.pack(0) + (pack_string(result.message) if failed else INT16.pack(-1))
    return out
