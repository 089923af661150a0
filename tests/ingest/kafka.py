"""The broker stand-in inside the test's own loop, and what a test wants to know of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.broker.server import Broker, BrokerConfig
from schemas.codec import split_lines
from schemas.topics import Topic
from tests.ingest.plain import PARTITIONS

SECONDS = 30.0


class Kafka:
    """A broker that can be stopped and come back on the same port with the same data."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._port = 0
        self._broker: Broker | None = None

    @property
    def broker(self) -> Broker:
        assert self._broker is not None, "start it first"
        return self._broker

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._broker is not None:
            await self.stop()

    async def start(self) -> None:
        self._broker = Broker(BrokerConfig(data=self._data, host="127.0.0.1", port=self._port))
        await self._broker.start()
        self._port = self._broker.port

    async def stop(self) -> None:
        await self.broker.stop()
        self._broker = None

    async def declare(self, *topics: str) -> None:
        await declare(self.address, *topics)


async def declare(address: str, *names: str) -> None:
    """Declare topics as ``headrace init`` does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        topics = [Topic(name, PARTITIONS) for name in names]
        await admin.create_topics(
            [NewTopic(t.name, t.partitions, 1, topic_configs=t.configs) for t in topics]
        )
    finally:
        await admin.close()


async def records_of(address: str, topic: str) -> dict[int, list[bytes]]:
    """Every record's value, by partition."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[int, list[bytes]] = {number: [] for number in range(PARTITIONS)}
        async with asyncio.timeout(SECONDS):
            while any([await consumer.position(p) < ends[p] for p in partitions]):
                for part, batch in (await consumer.getmany(timeout_ms=100)).items():
                    found[part.partition] += [record.value for record in batch]
        return found
    finally:
        await consumer.stop()


async def lines_of(address: str, topic: str) -> dict[int, list[bytes]]:
    """Every line, by partition."""
    records = await records_of(address, topic)
    return {
        number: [line for value in values for line in split_lines(value)]
        for number, values in records.items()
    }


async def until(condition: Callable[[], bool], seconds: float = SECONDS) -> float:
    """Wait for a condition; return how long it took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the other side has no event to wait for
            await asyncio.sleep(0.005)
    return loop.time() - started
