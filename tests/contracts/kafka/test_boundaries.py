"""What Apache Kafka does and the stand-in, by choice, does not: it says no, it does not pretend."""

import asyncio
import time

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from tests.contracts.kafka.batches import batch, produce
from tests.contracts.kafka.clients import (
    administering,
    consuming,
    create_topic,
    producing,
    read,
    read_all,
    unique,
)
from tests.contracts.kafka.stand_in import StandIn
from tests.contracts.real_kafka import RealKafka

INVALID_CONFIG = 40
NO_SECONDS = 10.0

BROKER_STAMPS = {"message.timestamp.type": "LogAppendTime"}


@pytest.mark.stand_in_differs("batches stay as their producer built them")
async def test_a_topic_may_stamp_its_records_itself(broker: RealKafka) -> None:
    topic = await create_topic(broker, config=BROKER_STAMPS)
    before = int(time.time() * 1000)
    await produce(broker, topic, batch(b"x", times=[before - 3_600_000]))
    (record,) = await read_all(broker, topic)
    assert record.timestamp_type == 1
    assert before - 1000 <= record.timestamp <= before + 60_000


@pytest.mark.stand_in_differs("no transactions on one machine")
async def test_a_transaction_is_seen_whole_or_not_at_all(broker: RealKafka, topic: str) -> None:
    at, group = TopicPartition(topic, 0), unique("group")
    async with asyncio.timeout(NO_SECONDS):
        async with producing(broker, transactional_id=unique("writer")) as producer:
            async with producer.transaction():
                await producer.send_and_wait(topic, b"kept")
                await producer.send_offsets_to_transaction({at: OffsetAndMetadata(1, "")}, group)
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"dropped")
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send_and_wait(topic, b"kept too")
    async with consuming(broker, topic, isolation_level="read_committed") as consumer:
        assert [record.value for record in await read(consumer, 2)] == [b"kept", b"kept too"]
    async with administering(broker) as admin:
        assert (await admin.list_consumer_group_offsets(group))[at].offset == 1


async def test_the_stand_in_refuses_both_at_once(stand_in: StandIn) -> None:
    stand_in.start()
    async with administering(stand_in) as admin:
        new = NewTopic(unique("topic"), 1, 1, topic_configs=BROKER_STAMPS)
        ((_, code, *_),) = (await admin.create_topics([new])).topic_errors
    assert code == INVALID_CONFIG
    with pytest.raises(KafkaError):
        async with (
            asyncio.timeout(NO_SECONDS),
            producing(stand_in, transactional_id=unique("writer")),
        ):
            pass
