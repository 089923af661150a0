"""Where reading starts, how long it waits, and how offsets are looked up."""

import asyncio
import time

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from tests.contracts.kafka.batches import batch, produce
from tests.contracts.kafka.clients import (
    HasAddress,
    ask,
    consuming,
    create_topic,
    read,
    send_values,
)
from tests.contracts.real_kafka import RealKafka

OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC_OR_PARTITION = 3
EARLIEST, LATEST = -2, -1
WAIT_MS = 700
PROMPT_SECONDS = 2.5
LONG_MS = 10_000


async def fetch(
    broker: HasAddress, topic: str, offset: int, *, wait_ms: int, min_bytes: int = 1
) -> tuple[int, int, bytes]:
    """Return the error, the high watermark and the bytes of one sessionless fetch."""
    request = FetchRequest(wait_ms, min_bytes, 1 << 20, 0, [(topic, [(0, offset, 1 << 20)])])
    answer = await ask(broker, request)
    ((_, ((_, error, high_watermark, *_, data),)),) = answer.topics
    return error, high_watermark, data or b""


async def test_a_fetch_waits_the_time_asked_for_when_there_is_nothing(
    broker: RealKafka, topic: str
) -> None:
    began = time.monotonic()
    assert await fetch(broker, topic, 0, wait_ms=WAIT_MS) == (0, 0, b"")
    assert WAIT_MS / 1000 * 0.9 <= time.monotonic() - began < WAIT_MS / 1000 + 1


async def test_a_waiting_fetch_returns_as_soon_as_there_is_data(
    broker: RealKafka, topic: str
) -> None:
    waiting = asyncio.create_task(fetch(broker, topic, 0, wait_ms=LONG_MS))
    await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    began = time.monotonic()
    await produce(broker, topic, batch(b"news"))
    error, high_watermark, data = await waiting
    assert time.monotonic() - began < PROMPT_SECONDS
    assert (error, high_watermark) == (0, 1)
    assert b"news" in data


async def test_a_fetch_waits_for_as_many_bytes_as_it_asked_for(
    broker: RealKafka, topic: str
) -> None:
    await produce(broker, topic, batch(b"small"))
    waiting = asyncio.create_task(fetch(broker, topic, 0, wait_ms=LONG_MS, min_bytes=5_000))
    await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    await produce(broker, topic, batch(b"x" * 6_000))
    _, _, data = await waiting
    assert len(data) > 6_000


async def test_a_fetch_outside_the_log_is_refused_at_once(broker: RealKafka, topic: str) -> None:
    await send_values(broker, topic, b"a", b"b")
    for offset in (-5, 3, 1_000):
        error, _, data = await fetch(broker, topic, offset, wait_ms=LONG_MS)
        assert (error, data) == (OFFSET_OUT_OF_RANGE, b"")


async def test_a_fetch_from_an_unknown_topic_is_refused_at_once(broker: RealKafka) -> None:
    error, _, _ = await fetch(broker, "no-such-topic", 0, wait_ms=LONG_MS)
    assert error == UNKNOWN_TOPIC_OR_PARTITION


async def test_seeking(broker: RealKafka, topic: str) -> None:
    # one batch: an offset in its middle is found too
    await produce(broker, topic, batch(*[b"%d" % each for each in range(10)]))
    at = TopicPartition(topic, 0)
    async with consuming(broker) as consumer:
        consumer.assign([at])
        await consumer.seek_to_end(at)
        assert await consumer.position(at) == 10
        await consumer.seek_to_beginning(at)
        assert (await read(consumer, 1))[0].offset == 0
        consumer.seek(at, 7)
        assert [record.offset for record in await read(consumer, 3)] == [7, 8, 9]
        assert await consumer.beginning_offsets([at]) == {at: 0}
        assert await consumer.end_offsets([at]) == {at: 10}


async def test_starting_at_the_latest_sees_only_what_comes_after(
    broker: RealKafka, topic: str
) -> None:
    await send_values(broker, topic, b"before")
    async with consuming(broker, topic, auto_offset_reset="latest") as consumer:
        assert await consumer.position(TopicPartition(topic, 0)) == 1
        await send_values(broker, topic, b"after")
        (record,) = await read(consumer, 1)
    assert (record.offset, record.value) == (1, b"after")


async def test_no_reset_policy_turns_a_lost_offset_into_an_error(
    broker: RealKafka, topic: str
) -> None:
    at = TopicPartition(topic, 0)
    async with consuming(broker, auto_offset_reset="none") as consumer:
        consumer.assign([at])
        consumer.seek(at, 50)
        with pytest.raises(OffsetOutOfRangeError):
            await consumer.getone()


async def test_offsets_are_found_by_time(broker: RealKafka) -> None:
    topic = await create_topic(broker, partitions=2)
    at, empty = TopicPartition(topic, 0), TopicPartition(topic, 1)
    start = an_hour_ago()
    await produce(broker, topic, batch(b"a", b"b", b"c", times=[start, start + 10, start + 20]))
    await produce(broker, topic, batch(b"d", b"e", times=[start + 30, start + 40]))
    async with consuming(broker, topic) as consumer:
        for wanted, offset, time_found in [
            (-start, 0, 0),
            (0, 0, 0),
            (1, 1, 10),
            (20, 2, 20),
            (21, 3, 30),
            (40, 4, 40),
        ]:
            asked = start + wanted
            found = await consumer.offsets_for_times({at: asked, empty: asked})
            assert (found[at].offset, found[at].timestamp - start) == (offset, time_found), wanted
            assert found[empty] is None
        assert (await consumer.offsets_for_times({at: start + 41}))[at] is None


async def test_a_look_up_by_time_finds_the_first_offset_that_is_late_enough(
    broker: RealKafka, topic: str
) -> None:
    at, start = TopicPartition(topic, 0), an_hour_ago()
    await produce(broker, topic, batch(b"a", b"b", times=[start + 90, start + 10]))
    await produce(broker, topic, batch(b"c", times=[start + 50]))
    async with consuming(broker, topic) as consumer:
        found = await consumer.offsets_for_times({at: start + 40})
    assert (found[at].offset, found[at].timestamp) == (0, start + 90)


def an_hour_ago() -> int:
    return (int(time.time()) - 3600) * 1000


@pytest.mark.parametrize("time_asked", [EARLIEST, LATEST, 1_000])
async def test_looking_up_an_unknown_partition_is_an_error(
    broker: RealKafka, topic: str, time_asked: int
) -> None:
    answer = await ask(broker, OffsetRequest(-1, 0, [(topic, [(5, time_asked)])]))
    ((_, ((partition, error, *_),)),) = answer.topics
    assert (partition, error) == (5, UNKNOWN_TOPIC_OR_PARTITION)
