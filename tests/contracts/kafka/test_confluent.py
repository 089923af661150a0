"""The same laws through librdkafka, which asks for newer versions than aiokafka does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from tests.contracts.kafka.clients import HasAddress, unique
from tests.contracts.real_kafka import RealKafka

SECONDS = 15.0
REBALANCE_SECONDS = 20.0
Setting = str | int | float | bool
Settings = dict[str, Setting]


def settings(broker: HasAddress, **more: Setting) -> Settings:
    """Return librdkafka's settings; `_` stands for the dots in its names."""
    base: Settings = {"bootstrap.servers": broker.address, "log_level": 0}
    return base | {name.replace("_", "."): value for name, value in more.items()}


@contextmanager
def consuming(broker: HasAddress, *topics: str, **more: Setting) -> Iterator[Consumer]:
    options: Settings = {"group_id": unique("group"), "auto_offset_reset": "earliest", **more}
    consumer = Consumer(settings(broker, **{"enable_auto_commit": False, **options}))
    consumer.subscribe(list(topics))
    try:
        yield consumer
    finally:
        consumer.close()


def read(consumer: Consumer, count: int) -> list[Message]:
    messages: list[Message] = []
    deadline = time.monotonic() + SECONDS
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages"
        for message in consumer.consume(count - len(messages), timeout=0.2):
            assert message.error() is None, message.error()
            messages.append(message)
    return messages


def send(broker: HasAddress, topic: str, *values: bytes, **more: Setting) -> list[int]:
    """Produce values to partition 0; return the acknowledged offsets."""
    offsets: list[int] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        offsets.append(message.offset() or 0)

    producer = Producer(settings(broker, **more))
    for value in values:
        producer.produce(topic, value, partition=0, on_delivery=delivered)
    assert producer.flush(SECONDS) == 0
    return offsets


def poll_until(check: Callable[[], bool], *consumers: Consumer) -> None:
    deadline = time.monotonic() + REBALANCE_SECONDS
    while not check():
        assert time.monotonic() < deadline, [each.assignment() for each in consumers]
        for consumer in consumers:
            consumer.poll(0.05)


def created(broker: HasAddress, partitions: int) -> str:
    topic = unique("topic")
    admin = AdminClient(settings(broker))
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(SECONDS)
    return topic


@pytest.mark.parametrize("codec", ["none", "gzip", "lz4", "zstd", "snappy"])
def test_every_codec_comes_back(broker: RealKafka, topic: str, codec: str) -> None:
    values = [b"%d " % number * 100 for number in range(100)]
    offsets = send(broker, topic, *values, compression_type=codec, linger_ms=20)
    assert offsets == list(range(100))
    with consuming(broker, topic) as consumer:
        assert [message.value() for message in read(consumer, 100)] == values


def test_every_field_of_a_record_comes_back(broker: RealKafka, topic: str) -> None:
    stamp = (int(time.time()) - 3600) * 1000
    producer = Producer(settings(broker))
    producer.produce(topic, None, b"key", headers=[("a", b"1"), ("a", None)], timestamp=stamp)
    assert producer.flush(SECONDS) == 0
    with consuming(broker, topic) as consumer:
        (message,) = read(consumer, 1)
    assert (message.key(), message.value()) == (b"key", None)
    assert message.headers() == [("a", b"1"), ("a", None)]
    assert message.timestamp() == (1, stamp)


def test_an_idempotent_producer_writes_each_record_once(broker: RealKafka, topic: str) -> None:
    values = [b"%d" % number for number in range(2000)]
    assert send(broker, topic, *values, enable_idempotence=True) == list(range(2000))
    with consuming(broker, topic) as consumer:
        assert [message.value() for message in read(consumer, 2000)] == values


def test_two_cooperative_members_share_and_hand_over(broker: RealKafka) -> None:
    topic = created(broker, partitions=4)
    member: Settings = {
        "group_id": unique("group"),
        "partition_assignment_strategy": "cooperative-sticky",
        "session_timeout_ms": 6000,
        "heartbeat_interval_ms": 200,
    }
    with consuming(broker, topic, **member) as first:
        poll_until(lambda: len(first.assignment()) == 4, first)
        with consuming(broker, topic, **member) as second:
            poll_until(
                lambda: len(first.assignment()) == len(second.assignment()) == 2, first, second
            )
        poll_until(lambda: len(first.assignment()) == 4, first)


def test_a_static_member_comes_back_to_its_partitions(broker: RealKafka) -> None:
    topic = created(broker, partitions=4)
    group: Settings = {
        "group_id": unique("group"),
        "session_timeout_ms": 6000,
        "heartbeat_interval_ms": 200,
    }
    with consuming(broker, topic, **group, group_instance_id="stays") as stays:
        with consuming(broker, topic, **group, group_instance_id="away") as away:
            poll_until(lambda: len(stays.assignment()) == len(away.assignment()) == 2, stays, away)
            kept, left = stays.assignment(), away.assignment()
        with consuming(broker, topic, **group, group_instance_id="away") as again:
            poll_until(lambda: len(again.assignment()) > 0, again, stays)
            assert (stays.assignment(), again.assignment()) == (kept, left)


def test_commits_and_positions(broker: RealKafka, topic: str) -> None:
    group, at = unique("group"), TopicPartition(topic, 0)
    send(broker, topic, *[b"x"] * 10)
    with consuming(broker, topic, group_id=group) as consumer:
        read(consumer, 6)
        consumer.commit(asynchronous=False)
        assert consumer.committed([at], SECONDS)[0].offset == 6
        assert consumer.get_watermark_offsets(at, SECONDS) == (0, 10)
    with consuming(broker, topic, group_id=group) as consumer:
        assert [message.offset() for message in read(consumer, 4)] == [6, 7, 8, 9]
    admin = AdminClient(settings(broker))
    wanted = [ConsumerGroupTopicPartitions(group, [at])]
    found = admin.list_consumer_group_offsets(wanted)[group].result(SECONDS)
    assert [each.offset for each in found.topic_partitions] == [6]


def test_offsets_are_found_by_time(broker: RealKafka, topic: str) -> None:
    start = (int(time.time()) - 3600) * 1000
    producer = Producer(settings(broker))
    for delta in (0, 10, 20):
        producer.produce(topic, b"x", timestamp=start + delta)
    assert producer.flush(SECONDS) == 0
    with consuming(broker, topic) as consumer:
        for delta, offset in ((0, 0), (5, 1), (20, 2)):
            asked = TopicPartition(topic, 0, start + delta)
            assert consumer.offsets_for_times([asked], SECONDS)[0].offset == offset


def test_topics_and_their_settings(broker: RealKafka) -> None:
    admin, topic = AdminClient(settings(broker)), unique("topic")
    new = NewTopic(topic, 3, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([new])[topic].result(SECONDS)
    with pytest.raises(KafkaException) as refused:
        admin.create_topics([new])[topic].result(SECONDS)
    assert refused.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    described = admin.describe_configs([resource])[resource].result(SECONDS)
    assert described["cleanup.policy"].value == "compact"
    assert len(admin.list_topics(topic, timeout=SECONDS).topics[topic].partitions) == 3
    admin.delete_topics([topic])[topic].result(SECONDS)
    with pytest.raises(KafkaException) as gone:
        admin.delete_topics([topic])[topic].result(SECONDS)
    assert gone.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_groups_are_listed_described_and_deleted(broker: RealKafka, topic: str) -> None:
    admin, group = AdminClient(settings(broker)), unique("group")
    send(broker, topic, b"x")
    with consuming(broker, topic, group_id=group) as consumer:
        read(consumer, 1)
        consumer.commit(asynchronous=False)
        listed = admin.list_consumer_groups().result(SECONDS)
        assert group in {each.group_id for each in listed.valid}
        described = admin.describe_consumer_groups([group])[group].result(SECONDS)
        assert described.state.name == "STABLE"
        (member,) = described.members
        assert [each.topic for each in member.assignment.topic_partitions] == [topic]
        with pytest.raises(KafkaException) as busy:
            admin.delete_consumer_groups([group])[group].result(SECONDS)
        assert busy.value.args[0].code() == KafkaError.NON_EMPTY_GROUP
    admin.delete_consumer_groups([group])[group].result(SECONDS)
    with pytest.raises(KafkaException) as gone:
        admin.delete_consumer_groups([group])[group].result(SECONDS)
    assert gone.value.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND


def test_a_record_too_large_is_refused(broker: RealKafka, topic: str) -> None:
    errors: list[KafkaError | None] = []
    producer = Producer(settings(broker, message_max_bytes=20_000_000))
    producer.produce(topic, b"x" * (6 << 20), on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(SECONDS) == 0
    assert [error and error.code() for error in errors] == [KafkaError.MSG_SIZE_TOO_LARGE]
