"""What was acknowledged is there after a restart, and after SIGKILL at any moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import CommitFailedError

from tests.contracts.kafka.clients import (
    administering,
    consuming,
    create_topic,
    eventually,
    producing,
    read,
    read_all,
    send_values,
    unique,
)
from tests.contracts.real_kafka import RealKafka

KILLS = 3
PARTITIONS = 2
BETWEEN_KILLS = 300
LIFE_SECONDS = 60.0


@pytest.mark.parametrize("end", ["stopped", "killed"])
async def test_topics_records_and_commits_outlive_the_process(
    restartable: RealKafka, end: str
) -> None:
    broker, group = restartable, unique("group")
    topic = await create_topic(broker, partitions=2, config={"retention.ms": "86400000"})
    dropped = await create_topic(broker)
    await send_values(broker, topic, b"a", b"b", b"c", partition=1)
    async with consuming(broker, topic, group_id=group) as consumer:
        await read(consumer, 2)
        await consumer.commit()
    async with administering(broker) as admin:
        await admin.delete_topics([dropped])

    (broker.stop if end == "stopped" else broker.kill)()
    broker.start()

    await send_values(broker, topic, b"d", partition=1)
    async with administering(broker) as admin:
        assert dropped not in await admin.list_topics()
    async with consuming(broker, topic, group_id=group) as consumer:
        assert await consumer.committed(TopicPartition(topic, 1)) == 2
        assert [record.value for record in await read(consumer, 2)] == [b"c", b"d"]
    records = await read_all(broker, topic)
    assert [(record.offset, record.value) for record in records] == [
        (0, b"a"),
        (1, b"b"),
        (2, b"c"),
        (3, b"d"),
    ]


async def test_the_start_of_a_log_outlives_an_orderly_stop(
    restartable: RealKafka, topic: str
) -> None:
    at = TopicPartition(topic, 0)
    await send_values(restartable, topic, b"a", b"b", b"c")
    async with administering(restartable) as admin:
        await admin.delete_records({at: RecordsToDelete(2)})
    restartable.restart()
    assert [record.offset for record in await read_all(restartable, topic)] == [2]


class Numbered:
    """An idempotent producer that sends 0, 1, 2... and notes what was acknowledged."""

    def __init__(self, broker: RealKafka, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._stop = asyncio.Event()
        self.acknowledged: set[int] = set()

    async def run(self) -> None:
        async with producing(
            self._broker, enable_idempotence=True, request_timeout_ms=30_000, retry_backoff_ms=50
        ) as producer:
            number = 0
            while not self._stop.is_set():
                numbers = range(number, number + 10)
                sent = [
                    await producer.send(self._topic, b"%d" % each, partition=each % PARTITIONS)
                    for each in numbers
                ]
                await asyncio.gather(*sent)
                self.acknowledged.update(numbers)
                number = numbers.stop

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.wait_for(task, LIFE_SECONDS)

    async def has_sent_more(self, count: int) -> None:
        goal = len(self.acknowledged) + count

        async def reached() -> bool:
            return len(self.acknowledged) >= goal

        await eventually(
            reached, lambda: f"stuck at {len(self.acknowledged)} records", LIFE_SECONDS
        )


async def follow(consumer: AIOKafkaConsumer, seen: set[int]) -> None:
    """Note all that comes, committing as a sink does, until cancelled.

    A commit may fail: the group may have been rebuilt after the kill. Its records come again.
    """
    while True:
        batches = await consumer.getmany(timeout_ms=200)
        seen.update(int(record.value) for batch in batches.values() for record in batch)
        if batches:
            with contextlib.suppress(CommitFailedError):
                await consumer.commit()


async def test_nothing_acknowledged_is_lost_or_doubled_by_kills(restartable: RealKafka) -> None:
    broker, group = restartable, unique("group")
    topic = await create_topic(broker, partitions=PARTITIONS)
    numbered, seen = Numbered(broker, topic), set[int]()
    member = {"group_id": group, "session_timeout_ms": 6000, "heartbeat_interval_ms": 300}
    async with (
        consuming(broker, topic, **member) as first,
        consuming(broker, topic, **member) as second,
    ):
        following = [asyncio.create_task(follow(each, seen)) for each in (first, second)]
        async with numbered.running():
            await numbered.has_sent_more(BETWEEN_KILLS)
            for _ in range(KILLS):
                await asyncio.to_thread(broker.kill)
                await asyncio.to_thread(broker.start)
                await numbered.has_sent_more(BETWEEN_KILLS)

        async def all_seen() -> bool:
            for task in following:
                if task.done():
                    task.result()
            return numbered.acknowledged <= seen

        await eventually(all_seen, "the group did not see every record", LIFE_SECONDS)
        for task in following:
            task.cancel()
        await asyncio.wait(following)

    records = await read_all(broker, topic)
    numbers = [int(record.value) for record in records]
    assert sorted(numbers) == sorted(numbered.acknowledged), "lost or doubled"
    for partition in range(PARTITIONS):
        mine = [record for record in records if record.partition == partition]
        assert [record.offset for record in mine] == list(range(len(mine)))
        assert [int(record.value) for record in mine] == sorted(int(r.value) for r in mine)
