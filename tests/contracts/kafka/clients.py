"""The small language of the laws: stock clients that close themselves, and bounded waiting."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import create_conn
from aiokafka.protocol.offset import OffsetRequest

_POLL_SECONDS = 0.05
_LATEST = -1
_ANSWER_MS = 20_000
READ_SECONDS = 15.0


class HasAddress(Protocol):
    @property
    def address(self) -> str: ...


def unique(prefix: str) -> str:
    """Return a name nobody used before: laws share one broker."""
    return f"{prefix}-{uuid4().hex[:12]}"


@asynccontextmanager
async def producing(broker: HasAddress, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, **options)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def consuming(
    broker: HasAddress, *topics: str, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """Read `topics` from their beginning, unless a group's commits or the options say else."""
    settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, **options}
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=broker.address, **settings)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def administering(broker: HasAddress) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def ask(broker: HasAddress, request: Any) -> Any:
    """Send one of aiokafka's request objects on a connection of its own; return the response."""
    host, _, port = broker.address.rpartition(":")
    connection = await create_conn(host, int(port), request_timeout_ms=_ANSWER_MS)
    try:
        return await connection.send(request)
    finally:
        connection.close()


async def create_topic(
    broker: HasAddress,
    *,
    partitions: int = 1,
    config: Mapping[str, str] | None = None,
    name: str | None = None,
) -> str:
    """Create a topic and return its name once every partition can be written."""
    name = name or unique("topic")
    async with administering(broker) as admin:
        answer = await admin.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=dict(config or {}))]
        )
    assert [code for _, code, *_ in answer.topic_errors] == [0], answer
    ends = OffsetRequest(-1, 0, [(name, [(each, _LATEST) for each in range(partitions)])])

    async def led() -> bool:
        # metadata may name a leader that does not know it yet; a look-up asks the leader
        ((_, found),) = (await ask(broker, ends)).topics
        return all(error == 0 for _, error, *_ in found)

    await eventually(led, f"topic {name} has no leaders")
    return name


async def send_values(broker: HasAddress, topic: str, *values: bytes, partition: int = 0) -> None:
    """Send values to one partition, each acknowledged before this returns."""
    async with producing(broker) as producer:
        sent = [await producer.send(topic, value, partition=partition) for value in values]
        await asyncio.gather(*sent)


async def read(
    consumer: AIOKafkaConsumer, count: int, seconds: float = READ_SECONDS
) -> list[ConsumerRecord]:
    """Return the next `count` records, and fail when they do not come in time."""
    records: list[ConsumerRecord] = []
    deadline = time.monotonic() + seconds
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count} records: {records[-3:]}"
        batches = await consumer.getmany(timeout_ms=200, max_records=count - len(records))
        records += [record for batch in batches.values() for record in batch]
    return records


async def read_all(broker: HasAddress, topic: str) -> list[ConsumerRecord]:
    """Return what a topic holds now, from its beginning to its end, partition by partition."""
    records: list[ConsumerRecord] = []
    async with consuming(broker, topic) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        assert ends, f"{topic} has no partitions"

        async def at_the_end() -> bool:
            batches = await consumer.getmany(timeout_ms=100)
            records.extend(record for batch in batches.values() for record in batch)
            return all([await consumer.position(each) >= ends[each] for each in ends])

        await eventually(at_the_end, f"{topic} was not read to its end")
    return sorted(records, key=lambda record: (record.partition, record.offset))


async def eventually(
    check: Callable[[], Awaitable[bool]],
    otherwise: str | Callable[[], str],
    seconds: float = READ_SECONDS,
) -> None:
    """Wait until `check` holds; fail with the text `otherwise` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not await check():
        late = time.monotonic() > deadline
        assert not late, otherwise if isinstance(otherwise, str) else otherwise()
        await asyncio.sleep(_POLL_SECONDS)
