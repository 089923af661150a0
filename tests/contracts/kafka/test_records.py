"""What goes in comes out: every field, every codec, in order, once."""

import asyncio
import time

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from tests.contracts.kafka.clients import consuming, create_topic, producing, read, read_all
from tests.contracts.real_kafka import RealKafka

TOO_LARGE = 6 << 20


async def test_every_field_of_a_record_comes_back(broker: RealKafka, topic: str) -> None:
    stamp = (int(time.time()) - 3600) * 1000 + 123
    headers = [("trace", b"\x00\xff"), ("trace", b"twice"), ("empty", b"")]
    async with producing(broker) as producer:
        await producer.send_and_wait(
            topic, b"value", key=b"key", headers=headers, timestamp_ms=stamp
        )
        await producer.send_and_wait(topic, None, key=b"gone")
        await producer.send_and_wait(topic, b"", key=None)

    full, tombstone, empty = await read_all(broker, topic)
    assert (full.key, full.value, list(full.headers)) == (b"key", b"value", headers)
    assert (full.timestamp, full.timestamp_type) == (stamp, 0)
    assert (tombstone.key, tombstone.value) == (b"gone", None)
    assert (empty.key, empty.value) == (None, b"")


@pytest.mark.parametrize("codec", [None, "gzip", "lz4", "zstd", "snappy"])
async def test_every_codec_comes_back(broker: RealKafka, topic: str, codec: str | None) -> None:
    values = [b"%d " % number * 100 for number in range(200)]
    async with producing(broker, compression_type=codec, linger_ms=20) as producer:
        await asyncio.gather(*[await producer.send(topic, value) for value in values])

    assert [record.value for record in await read_all(broker, topic)] == values


async def test_offsets_are_contiguous_and_are_those_acknowledged(
    broker: RealKafka, topic: str
) -> None:
    async with producing(broker, linger_ms=1) as producer:
        sent = [await producer.send(topic, b"%d" % number) for number in range(500)]
        acknowledged = await asyncio.gather(*sent)

    records = await read_all(broker, topic)
    assert [each.offset for each in acknowledged] == list(range(500))
    assert [(each.offset, each.value) for each in records] == [
        (number, b"%d" % number) for number in range(500)
    ]


@pytest.mark.parametrize("acks", [0, 1, "all"])
async def test_every_level_of_acknowledgement(
    broker: RealKafka, topic: str, acks: int | str
) -> None:
    async with producing(broker, acks=acks) as producer:
        for number in range(20):
            await producer.send_and_wait(topic, b"%d" % number)

    # without acknowledgements they may still be on their way
    async with consuming(broker, topic) as consumer:
        records = await read(consumer, 20)
    assert [record.value for record in records] == [b"%d" % number for number in range(20)]


async def test_an_idempotent_producer_writes_each_record_once(
    broker: RealKafka, topic: str
) -> None:
    async with producing(broker, enable_idempotence=True, linger_ms=1) as producer:
        await asyncio.gather(*[await producer.send(topic, b"%d" % each) for each in range(1000)])

    records = await read_all(broker, topic)
    assert [int(record.value) for record in records] == list(range(1000))


async def test_records_of_a_key_stay_in_order_on_one_partition(broker: RealKafka) -> None:
    topic = await create_topic(broker, partitions=4)
    async with producing(broker) as producer:
        for number in range(200):
            await producer.send(topic, b"%d" % number, key=b"visitor-%d" % (number % 10))

    records = await read_all(broker, topic)
    for key in {record.key for record in records}:
        mine = [record for record in records if record.key == key]
        assert len({record.partition for record in mine}) == 1
        assert [int(record.value) for record in mine] == sorted(int(r.value) for r in mine)
    assert len({record.partition for record in records}) > 1


async def test_a_record_larger_than_the_broker_allows_is_refused(
    broker: RealKafka, topic: str
) -> None:
    async with producing(broker, max_request_size=TOO_LARGE * 2) as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(topic, b"x" * TOO_LARGE)
        await producer.send_and_wait(topic, b"small")

    (record,) = await read_all(broker, topic)
    assert record.value == b"small"


async def test_a_record_larger_than_the_topic_allows_is_refused(broker: RealKafka) -> None:
    topic = await create_topic(broker, config={"max.message.bytes": "10000"})
    async with producing(broker) as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(topic, b"x" * 20_000)
        await producer.send_and_wait(topic, b"x" * 5_000)


async def test_a_batch_larger_than_the_reader_asks_for_still_arrives(
    broker: RealKafka, topic: str
) -> None:
    async with producing(broker) as producer:
        await producer.send_and_wait(topic, b"x" * 100_000)

    async with consuming(broker, topic, fetch_max_bytes=1, max_partition_fetch_bytes=1) as consumer:
        (record,) = await read(consumer, 1)
    assert len(record.value) == 100_000


async def test_partitions_do_not_mix(broker: RealKafka) -> None:
    topic = await create_topic(broker, partitions=3)
    async with producing(broker) as producer:
        for number in range(30):
            await producer.send_and_wait(topic, b"%d" % number, partition=number % 3)

    async with consuming(broker) as consumer:
        consumer.assign([TopicPartition(topic, 1)])
        records = await read(consumer, 10)
    assert [int(record.value) for record in records] == list(range(1, 30, 3))
    assert [record.offset for record in records] == list(range(10))
