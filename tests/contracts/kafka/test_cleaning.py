"""The disk stays bounded: retention by size and time, compaction by key."""

import asyncio
import time

from aiokafka import TopicPartition

from tests.contracts.kafka.batches import batch, produce
from tests.contracts.kafka.clients import (
    consuming,
    create_topic,
    eventually,
    producing,
    read,
    read_all,
    send_values,
)
from tests.contracts.real_kafka import RealKafka

MIB = 1 << 20
CLEANING_SECONDS = 20.0


async def test_retention_by_size_bounds_the_log(tuned: RealKafka) -> None:
    topic = await create_topic(
        tuned, config={"segment.bytes": str(MIB), "retention.bytes": str(2 * MIB)}
    )
    at, value = TopicPartition(topic, 0), b"x" * 100_000
    for _ in range(8):
        await send_values(tuned, topic, *[value] * 10)
    async with consuming(tuned, topic) as consumer:

        async def bounded() -> bool:
            start = (await consumer.beginning_offsets([at]))[at]
            return bool((80 - start) * len(value) <= 4 * MIB)

        await eventually(bounded, "8 MB are still there", CLEANING_SECONDS)
    records = await read_all(tuned, topic)
    assert records[-1].offset == 79
    assert len(records) * len(value) >= 2 * MIB
    assert [r.offset for r in records] == list(range(records[0].offset, 80))


async def test_retention_by_time_goes_by_the_records_own_time(tuned: RealKafka) -> None:
    topic = await create_topic(tuned, config={"retention.ms": "60000"})
    at, long_ago = TopicPartition(topic, 0), (int(time.time()) - 3600) * 1000
    assert await produce(tuned, topic, batch(b"old", b"older", times=[long_ago] * 2)) == (0, 0)
    async with consuming(tuned, topic) as consumer:

        async def gone() -> bool:
            return bool(await consumer.beginning_offsets([at]) == {at: 2})

        await eventually(gone, "records an hour old are still there", CLEANING_SECONDS)
    await send_values(tuned, topic, b"new")
    assert [record.offset for record in await read_all(tuned, topic)] == [2]


COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "200",
    "min.cleanable.dirty.ratio": "0.01",
}


async def test_a_compacted_topic_keeps_the_last_value_of_each_key(tuned: RealKafka) -> None:
    topic = await create_topic(tuned, config=COMPACTED)
    async with producing(tuned, linger_ms=5) as producer:
        for number in range(300):
            await producer.send(topic, b"%d" % number, key=b"key-%d" % (number % 3))
        await producer.flush()
        await compacted_to(tuned, topic, {b"key-0": b"297", b"key-1": b"298", b"key-2": b"299"})

        # an offset that compaction took away leads to the next record there is
        async with consuming(tuned) as consumer:
            at = TopicPartition(topic, 0)
            consumer.assign([at])
            consumer.seek(at, 10)
            assert [record.offset for record in await read(consumer, 3)] == [297, 298, 299]

        await producer.send_and_wait(topic, b"again", key=b"key-1")
    last = {record.key: record.value for record in await read_all(tuned, topic)}
    assert last[b"key-1"] == b"again"


async def compacted_to(broker: RealKafka, topic: str, wanted: dict[bytes, bytes]) -> None:
    """Wait until each wanted key is there once; the newest segment is left as it is."""
    async with producing(broker) as producer:

        async def one_of_each() -> bool:
            # only a record that comes later closes a segment
            await asyncio.sleep(int(COMPACTED["segment.ms"]) / 1000)
            await producer.send_and_wait(topic, b"", key=b"roll")
            kept = [
                (record.key, record.value)
                for record in await read_all(broker, topic)
                if record.key in wanted
            ]
            assert dict(kept) == wanted
            return len(kept) == len(wanted)

        await eventually(one_of_each, "older values are still there", CLEANING_SECONDS)


async def test_a_compacted_topic_outlives_a_kill(restartable: RealKafka, tuned: RealKafka) -> None:
    topic = await create_topic(tuned, config=COMPACTED)
    async with producing(tuned) as producer:
        for number in range(50):
            await producer.send_and_wait(topic, b"%d" % number, key=b"key")
    await compacted_to(tuned, topic, {b"key": b"49"})
    before = await read_all(tuned, topic)
    restartable.kill()
    restartable.start()
    assert {record.key: record.value for record in await read_all(tuned, topic)}[b"key"] == b"49"
    async with producing(tuned) as producer:
        sent = await producer.send_and_wait(topic, b"later", key=b"key")
    assert sent.offset == before[-1].offset + 1
