"""A few round trips with the client the rooms use; the laws of Kafka have a suite of their own."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from deploy.local.broker.errors import Code
from deploy.local.broker.server import Broker, BrokerConfig
from tests.deploy.broker.building import until


@pytest.fixture
def address(broker: Broker) -> str:
    return f"127.0.0.1:{broker.port}"


async def _read(address: str, topic: str, count: int, group: str | None = None) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    values: list[bytes] = []
    async with asyncio.timeout(10):
        while len(values) < count:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                values += [record.value for record in records]
    if group:
        await consumer.commit()
    await consumer.stop()
    return values


async def test_produce_consume_commit(broker: Broker, address: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic("t", 3, 1)])
    await admin.close()
    sent = [b"%d" % number for number in range(300)]
    async with AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True) as producer:
        await asyncio.gather(*[await producer.send("t", value, key=value) for value in sent])
    assert sorted(await _read(address, "t", 300, "g")) == sorted(sent)
    committed = broker.state.offsets.of("g")
    assert sum(each.offset for each in committed.values()) == 300


async def test_a_producer_rides_out_a_full_disk(broker: Broker, address: str) -> None:
    await broker.state.topics.create("t", 1, {})
    async with AIOKafkaProducer(
        bootstrap_servers=address, enable_idempotence=True, retry_backoff_ms=10
    ) as producer:
        await producer.send_and_wait("t", b"before")
        broker.faults.refuse_produce = Code.KAFKA_STORAGE_ERROR
        waiting = await producer.send("t", b"during")
        await until(lambda: broker.state.metrics.errors["KAFKA_STORAGE_ERROR"])
        assert not waiting.done()
        broker.faults.heal()
        assert (await waiting).offset == 1
    assert await _read(address, "t", 2) == [b"before", b"during"]


async def test_looking_at_a_topic_does_not_create_it(broker: Broker, address: str) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    await consumer.start()
    assert consumer.partitions_for_topic("nothing") is None
    consumer.assign([TopicPartition("nothing", 0)])
    with pytest.raises((KafkaError, TimeoutError)):
        await asyncio.wait_for(consumer.position(TopicPartition("nothing", 0)), 0.3)
    await consumer.stop()
    assert list(broker.state.topics) == []


async def test_clients_are_sent_to_the_advertised_host(tmp_path: Path) -> None:
    config = BrokerConfig(data=tmp_path, port=0, advertised_host="localhost")
    broker = Broker(config)
    await broker.start()
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{broker.port}")
    await admin.start()
    described = await admin.describe_cluster()
    await admin.close()
    await broker.stop()
    assert [node["host"] for node in described["brokers"]] == ["localhost"]
