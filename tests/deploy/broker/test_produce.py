"""Which batches are stored, and what a full disk does."""

import os
import struct
from collections.abc import AsyncIterator

import pytest

from deploy.local.broker.batch import checksum
from deploy.local.broker.errors import Code
from deploy.local.broker.server import Broker
from tests.deploy.broker.building import (
    RawClient,
    batch,
    offsets,
    produce_body,
    produce_result,
)


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[RawClient]:
    await broker.state.topics.create("t", 1, {})
    await broker.state.topics.create("table", 1, {"cleanup.policy": "compact"})
    await broker.state.topics.create("small", 1, {"max.message.bytes": "200"})
    connected = await RawClient.connect(broker.port)
    yield connected
    await connected.close()


async def _produce(
    client: RawClient, data: bytes | None, topic: str = "t", version: int = 7, acks: int = -1
) -> tuple[int, int]:
    client.send(0, version, produce_body(topic, data, acks=acks))
    return produce_result((await client.answer())[1], topic)


def _altered(at: int, field: bytes) -> bytes:
    """A batch with other bytes in its header, and a checksum that fits them."""
    data = bytearray(batch())
    data[at : at + len(field)] = field
    data[17:21] = struct.pack(">I", checksum(data))
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, Code.INVALID_RECORD),
        (b"", Code.INVALID_RECORD),
        (batch() + batch(), Code.INVALID_RECORD),
        (batch()[:-1], Code.CORRUPT_MESSAGE),
        (batch()[:-1] + b"\xff", Code.CORRUPT_MESSAGE),
        (_altered(16, b"\x01"), Code.UNSUPPORTED_FOR_MESSAGE_FORMAT),
        (_altered(21, struct.pack(">h", 0x10)), Code.INVALID_RECORD),
        (_altered(21, struct.pack(">h", 0x20)), Code.INVALID_RECORD),
        (_altered(21, struct.pack(">h", 5)), Code.UNSUPPORTED_COMPRESSION_TYPE),
        (_altered(23, struct.pack(">i", 7)), Code.INVALID_RECORD),
        (_altered(57, struct.pack(">i", 0)), Code.INVALID_RECORD),
        (batch(producer=(5, -1), sequence=0), Code.INVALID_RECORD),
        (batch(producer=(5, 0), sequence=-1), Code.INVALID_RECORD),
    ],
)
async def test_what_is_not_one_sound_batch_is_refused(
    client: RawClient, broker: Broker, data: bytes | None, code: Code
) -> None:
    assert await _produce(client, data) == (code, -1)
    assert broker.state.topics.log("t", 0).end_offset == 0


async def test_limits_of_topics(client: RawClient) -> None:
    large = batch((b"k", b"v" * 300))
    assert (await _produce(client, large, "small"))[0] == Code.MESSAGE_TOO_LARGE
    assert (await _produce(client, large, "t"))[0] == Code.NONE
    assert (await _produce(client, batch((None, b"v")), "table"))[0] == Code.INVALID_RECORD
    assert (await _produce(client, batch((b"k", None)), "table"))[0] == Code.NONE
    assert (await _produce(client, batch(), "nowhere"))[0] == Code.UNKNOWN_TOPIC_OR_PARTITION
    assert (await _produce(client, batch(), acks=2))[0] == Code.INVALID_REQUIRED_ACKS
    zstd = batch(codec=4)
    assert (await _produce(client, zstd, version=6))[0] == Code.UNSUPPORTED_COMPRESSION_TYPE


async def test_a_full_disk_is_answered_and_recovers(
    client: RawClient, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _produce(client, batch()) == (Code.NONE, 0)
    log = broker.state.topics.log("t", 0)
    pwrite = os.pwrite
    size = log.segments[0].path.stat().st_size

    def nearly_full(file: int, data: list[bytes | memoryview], position: int) -> int:
        return pwrite(file, b"".join(data)[:30], position)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.pwritev", nearly_full)
        patched.setattr("os.pwrite", full)
        assert await _produce(client, batch()) == (Code.KAFKA_STORAGE_ERROR, -1)
        assert log.segments[0].path.stat().st_size == size, "nothing half-written stays"
    assert await _produce(client, batch()) == (Code.NONE, 1)
    assert offsets(log) == [0, 1]
