"""Topics: declared, never auto-created; checked at start; and how far a group is behind them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from deploy.settings import SettingError
from schemas.topics import Topic

_REPLICAS: Final = 3
"""Copies of every partition where there are that many brokers, else as many as there are."""


async def declare(kafka: str, topics: Iterable[Topic]) -> list[str]:
    """Create the topics that are missing and check the partition counts of those that are there.

    Returns:
        Names of the created ones.

    Raises:
        SettingError: a topic has another partition count than the settings say.
        KafkaError: the broker refuses.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        wanted = {topic.name: topic for topic in topics}
        there = set(await admin.list_topics())
        missing = [topic for name, topic in wanted.items() if name not in there]
        if missing:
            await _create(admin, missing)
        await _check(admin, [wanted[name] for name in wanted if name in there])
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def _create(admin: Any, topics: list[Topic]) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    replicas = min(_REPLICAS, brokers)
    response = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, replicas, topic_configs=topic.configs)
            for topic in topics
        ]
    )
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name}: {rest[0] if rest else ''}")


async def _check(admin: Any, topics: list[Topic]) -> None:
    if not topics:
        return
    described = await admin.describe_topics([topic.name for topic in topics])
    counts = {entry["topic"]: len(entry["partitions"]) for entry in described}
    for topic in topics:
        if counts.get(topic.name) != topic.partitions:
            raise SettingError(
                f"topic {topic.name} has {counts.get(topic.name)} partitions where the settings "
                f"say {topic.partitions}: set HEADRACE_PARTITIONS to what the topics have"
            )


async def names(kafka: str) -> list[str]:
    """Names of all topics, sorted."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        return sorted(await admin.list_topics())
    finally:
        await admin.close()


async def end_offsets(kafka: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """Where every partition of the topics ends now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        names = list(topics)
        await consumer._client.force_metadata_update()  # noqa: SLF001  no public way
        await consumer.topics()
        partitions = [
            TopicPartition(name, partition)
            for name in names
            for partition in consumer._client.cluster.partitions_for_topic(name) or ()  # noqa: SLF001
        ]
        return dict(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


@asynccontextmanager
async def lag(
    kafka: str, group: str, ends: Mapping[TopicPartition, int]
) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Give a way to ask how many records before ``ends`` a group has not committed yet."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()

    async def left() -> int:
        committed = await admin.list_consumer_group_offsets(group)
        return sum(
            max(0, end - max(0, committed[tp].offset if tp in committed else 0))
            for tp, end in ends.items()
        )

    try:
        yield left
    finally:
        await admin.close()


async def wait_for_kafka(kafka: str, *, seconds: float) -> None:
    """Return when the broker answers.

    Raises:
        SettingError: nothing answered in time.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka, request_timeout_ms=5000)
        try:
            await admin.start()
        except (KafkaError, OSError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise SettingError(
                    f"no Kafka broker answers at {kafka} ({error}): start it, or set HEADRACE_KAFKA"
                ) from error
            await asyncio.sleep(0.1)
        else:
            return
        finally:
            await admin.close()
