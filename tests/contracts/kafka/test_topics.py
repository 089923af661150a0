"""Topics: declared with partitions and settings, never made by looking, gone when deleted."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidPartitionsError, OffsetOutOfRangeError
from aiokafka.protocol.metadata import MetadataRequest

from tests.contracts.kafka.clients import (
    administering,
    ask,
    consuming,
    create_topic,
    eventually,
    read,
    read_all,
    send_values,
    unique,
)
from tests.contracts.real_kafka import RealKafka

UNKNOWN_TOPIC_OR_PARTITION = 3
INVALID_TOPIC_EXCEPTION = 17
TOPIC_ALREADY_EXISTS = 36
INVALID_PARTITIONS = 37
INVALID_REPLICATION_FACTOR = 38
INVALID_CONFIG = 40


async def creation_error(admin: AIOKafkaAdminClient, new: NewTopic, **options: Any) -> int:
    answer = await admin.create_topics([new], **options)
    ((_, code, *_),) = answer.topic_errors
    return int(code)


async def described(broker: RealKafka, topic: str) -> dict[str, str]:
    async with administering(broker) as admin:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((error, _, _, name, entries),) = answer.resources
    assert (error, name) == (0, topic)
    return {entry[0]: entry[1] for entry in entries}


async def test_a_topic_has_the_partitions_and_settings_it_was_made_with(
    broker: RealKafka,
) -> None:
    topic = await create_topic(
        broker, partitions=5, config={"cleanup.policy": "compact", "retention.ms": "12345"}
    )
    async with administering(broker) as admin:
        (found,) = await admin.describe_topics([topic])
        assert topic in await admin.list_topics()
    assert sorted(each["partition"] for each in found["partitions"]) == [0, 1, 2, 3, 4]
    settings = await described(broker, topic)
    assert (settings["cleanup.policy"], settings["retention.ms"]) == ("compact", "12345")


async def test_settings_nobody_gave_are_described_with_their_defaults(
    broker: RealKafka, topic: str
) -> None:
    settings = await described(broker, topic)
    assert settings["cleanup.policy"] == "delete"
    assert settings["compression.type"] == "producer"
    assert int(settings["max.message.bytes"]) > 0
    assert {"retention.ms", "retention.bytes", "segment.bytes"} <= settings.keys()


async def test_making_a_topic_again_is_an_error_and_changes_nothing(broker: RealKafka) -> None:
    topic = await create_topic(broker, partitions=2)
    await send_values(broker, topic, b"kept")
    async with administering(broker) as admin:
        assert await creation_error(admin, NewTopic(topic, 4, 1)) == TOPIC_ALREADY_EXISTS
        (found,) = await admin.describe_topics([topic])
    assert len(found["partitions"]) == 2
    await read_all(broker, topic)


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (lambda name: NewTopic(name, 0, 1), INVALID_PARTITIONS),
        (lambda name: NewTopic(name, 1, 5), INVALID_REPLICATION_FACTOR),
        (lambda name: NewTopic("no spaces " + name, 1, 1), INVALID_TOPIC_EXCEPTION),
        (lambda _: NewTopic("..", 1, 1), INVALID_TOPIC_EXCEPTION),
        (lambda _: NewTopic("x" * 250, 1, 1), INVALID_TOPIC_EXCEPTION),
        (
            lambda name: NewTopic(name, 1, 1, topic_configs={"no.such.setting": "1"}),
            INVALID_CONFIG,
        ),
        (
            lambda name: NewTopic(name, 1, 1, topic_configs={"retention.ms": "soon"}),
            INVALID_CONFIG,
        ),
        (
            lambda name: NewTopic(name, 1, 1, topic_configs={"cleanup.policy": "burn"}),
            INVALID_CONFIG,
        ),
    ],
)
async def test_a_topic_that_cannot_be_is_refused(broker: RealKafka, new: Any, error: int) -> None:
    wanted = new(unique("topic"))
    async with administering(broker) as admin:
        assert await creation_error(admin, wanted) == error
        assert wanted.name not in await admin.list_topics()


async def test_a_trial_creates_nothing(broker: RealKafka) -> None:
    name = unique("topic")
    async with administering(broker) as admin:
        assert await creation_error(admin, NewTopic(name, 1, 1), validate_only=True) == 0
        assert name not in await admin.list_topics()


async def test_looking_at_an_unknown_topic_does_not_make_it(broker: RealKafka) -> None:
    name = unique("nobody-made-this")
    answer = await ask(broker, MetadataRequest([name], allow_auto_topic_creation=True))
    ((error, *_),) = answer.topics
    assert error == UNKNOWN_TOPIC_OR_PARTITION
    async with administering(broker) as admin:
        assert name not in await admin.list_topics()


async def test_a_deleted_topic_made_again_starts_from_nothing(broker: RealKafka) -> None:
    # once more than feels needed: the first green run on a fresh broker proves little
    topic, group = unique("topic"), unique("group")
    at = TopicPartition(topic, 0)
    for life in (b"first", b"second", b"third"):
        await create_topic(broker, name=topic)
        await send_values(broker, topic, *[life] * 20)
        async with consuming(broker, topic, group_id=group) as consumer:
            assert await consumer.committed(at) is None
            records = await read(consumer, 20)
            assert [record.offset for record in records] == list(range(20))
            assert {record.value for record in records} == {life}
            await consumer.commit()
        await delete(broker, topic)


async def delete(broker: RealKafka, topic: str) -> None:
    async with administering(broker) as admin:
        answer = await admin.delete_topics([topic])
        assert [tuple(each) for each in answer.topic_error_codes] == [(topic, 0)]

        async def gone() -> bool:
            return topic not in await admin.list_topics()

        await eventually(gone, f"{topic} is still listed")


async def test_deleting_an_unknown_topic_is_an_error(broker: RealKafka) -> None:
    async with administering(broker) as admin:
        answer = await admin.delete_topics(["no-such-topic"])
    ((_, error),) = answer.topic_error_codes
    assert error == UNKNOWN_TOPIC_OR_PARTITION


async def test_partitions_are_added_and_never_taken_away(broker: RealKafka) -> None:
    topic = await create_topic(broker, partitions=2)
    await send_values(broker, topic, b"kept")
    async with administering(broker) as admin:
        await admin.create_partitions({topic: NewPartitions(5)})

        async def has_five() -> bool:
            (found,) = await admin.describe_topics([topic])
            return len(found["partitions"]) == 5

        await eventually(has_five, "the partitions do not appear")
        for count in (5, 3):
            with pytest.raises(InvalidPartitionsError):
                await admin.create_partitions({topic: NewPartitions(count)})
    await send_values(broker, topic, b"new", partition=4)
    assert {record.partition for record in await read_all(broker, topic)} == {0, 4}


async def test_settings_can_be_changed(broker: RealKafka, topic: str) -> None:
    changed = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "7777"})
    async with administering(broker) as admin:
        (answer,) = await admin.alter_configs([changed])
        assert [each[0] for each in answer.resources] == [0]

    async def applied() -> bool:
        return (await described(broker, topic))["retention.ms"] == "7777"

    await eventually(applied, "retention.ms keeps its old value")


async def test_deleted_records_are_gone_and_the_rest_keeps_its_offsets(
    broker: RealKafka, topic: str
) -> None:
    at = TopicPartition(topic, 0)
    await send_values(broker, topic, *[b"%d" % each for each in range(10)])
    async with administering(broker) as admin:
        assert await admin.delete_records({at: RecordsToDelete(6)}) == {at: 6}
        with pytest.raises(OffsetOutOfRangeError):
            await admin.delete_records({at: RecordsToDelete(11)})
    async with consuming(broker, topic) as consumer:
        assert await consumer.beginning_offsets([at]) == {at: 6}
        assert [record.offset for record in await read(consumer, 4)] == [6, 7, 8, 9]
    async with administering(broker) as admin:
        assert await admin.delete_records({at: RecordsToDelete(-1)}) == {at: 10}
    await send_values(broker, topic, b"next")
    async with consuming(broker, topic) as consumer:
        assert [record.offset for record in await read(consumer, 1)] == [10]
