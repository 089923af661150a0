"""Record batches and small logs to test with, and a client that sends raw frames."""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from deploy.local.broker.batch import read_header
from deploy.local.broker.log import PartitionLog
from deploy.local.broker.topic_config import LogSettings

Pair = tuple[bytes | None, bytes | None]
DEADLINE_SECONDS = 30.0


def batch(
    *pairs: Pair,
    timestamps: Sequence[int] = (),
    producer: tuple[int, int] = (-1, -1),
    sequence: int = -1,
    codec: int = 0,
) -> bytes:
    """One batch of (key, value) pairs, as a producer would build it."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, *producer, sequence, 1 << 20)
    for delta, (key, value) in enumerate(pairs or ((b"k", b"v"),)):
        when = timestamps[delta] if timestamps else 1_000
        builder.append(delta, timestamp=when, key=key, value=value, headers=[])
    return bytes(builder.build())


def append(log: PartitionLog, data: bytes, *, publish: bool = True) -> int:
    """Append a batch, and show it to readers as if it had been synced."""
    offset = log.append(read_header(data), memoryview(data))
    if publish:
        log.publish()
    return offset


def open_log(
    directory: Path, settings: LogSettings | None = None, now: Callable[[], int] = lambda: 1_000
) -> PartitionLog:
    """Open a log, creating its directory."""
    directory.mkdir(exist_ok=True, parents=True)
    return PartitionLog(directory, settings or LogSettings(), now)


def offsets(log: PartitionLog) -> list[int]:
    """Read the log from its start to its end, one fetch after the other, as a consumer does."""
    at, seen = log.start_offset, []
    while data := log.read(at, 1 << 20, at_least_one=True):
        position = 0
        while position < len(data):
            header = read_header(data, position)
            seen.append(header.base_offset)
            position += header.size
            at = header.last_offset + 1
    return seen


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so; fails after a while."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event to offer
            await asyncio.sleep(0.002)


def names(directory: Path, pattern: str = "*") -> list[str]:
    """The names of what is in a directory."""
    return sorted(path.name for path in directory.glob(pattern))


class RawClient:
    """Sends frames byte by byte as told, reads answers by their length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, key: int, version: int, body: bytes, correlation: int = 1) -> None:
        header = struct.pack(">hhih", key, version, correlation, -1)
        self.writer.write(struct.pack(">i", len(header + body)) + header + body)

    async def answer(self) -> tuple[int, bytes]:
        """Return (correlation id, body) of the next answer."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            (size,) = struct.unpack(">i", await self.reader.readexactly(4))
            data = await self.reader.readexactly(size)
        return struct.unpack(">i", data[:4])[0], data[4:]

    async def is_closed(self) -> bool:
        """Wait until the broker hangs up; whatever it still sends is dropped."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(DEADLINE_SECONDS):
                while await self.reader.read(1 << 16):
                    pass
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def produce_body(topic: str, data: bytes | None, *, partition: int = 0, acks: int = -1) -> bytes:
    """The body of Produce version 7 for one partition."""
    name = topic.encode()
    records = struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data
    return (
        struct.pack(">hhii", -1, acks, 1000, 1)
        + struct.pack(">h", len(name))
        + name
        + struct.pack(">ii", 1, partition)
        + records
    )


def produce_result(body: bytes, topic: str) -> tuple[int, int]:
    """Return (error code, base offset) from an answer to `produce_body`."""
    code, base_offset = struct.unpack_from(">hq", body, 4 + 2 + len(topic) + 4 + 4)
    return code, base_offset


def fetch_body(topic: str, offset: int, *, wait_ms: int = 0, min_bytes: int = 1) -> bytes:
    """The body of Fetch version 4 for partition 0."""
    name = topic.encode()
    return (
        struct.pack(">iiiib", -1, wait_ms, min_bytes, 1 << 20, 0)
        + struct.pack(">ih", 1, len(name))
        + name
        + struct.pack(">iiqi", 1, 0, offset, 1 << 20)
    )


def fetch_result(body: bytes, topic: str) -> tuple[int, bytes]:
    """Return (error code, records) from an answer to `fetch_body`."""
    at = 4 + 4 + 2 + len(topic) + 4 + 4
    (code,) = struct.unpack_from(">h", body, at)
    at += 2 + 8 + 8 + 4
    (size,) = struct.unpack_from(">i", body, at)
    return code, body[at + 4 : at + 4 + size]
