"""The publisher against the broker stand-in, which speaks Kafka's protocol and can misbehave."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.broker.errors import Code
from ingest.kafka import Compression
from ingest.publish import KafkaPublisher
from schemas.errors import Unavailable
from schemas.metrics import Metrics
from tests.ingest.kafka import Kafka, lines_of, records_of, until
from tests.ingest.plain import NOW

TOPIC = "t.raw.shop"
PRODUCE = 0
METADATA = 3


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[Kafka]:
    async with Kafka(tmp_path / "kafka") as running:
        await running.declare(TOPIC, "t.raw.other")
        yield running


@contextlib.asynccontextmanager
async def publishing(address: str, **how: Any) -> AsyncIterator[KafkaPublisher]:
    how.setdefault("metrics", Metrics())
    publisher = KafkaPublisher(address, clock=lambda: NOW, **how)
    await publisher.start()
    try:
        yield publisher
    finally:
        await publisher.stop()


async def refusal(publisher: KafkaPublisher, topic: str = TOPIC, partition: int = 0) -> str:
    with pytest.raises(Unavailable) as caught:
        await publisher.publish(topic, {partition: [b"{}"]})
    assert caught.value.code == "broker-unavailable"
    return caught.value.message


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4", "zstd"])
async def test_lines_arrive_in_their_partition_and_in_order(
    kafka: Kafka, compression: Compression
) -> None:
    async with publishing(kafka.address, compression=compression) as publisher:
        assert publisher.trouble == ""
        await publisher.publish(TOPIC, {0: [b"1", b"2"], 3: [b"3"]})
        await publisher.publish(TOPIC, {0: [b"4"]})
    assert await lines_of(kafka.address, TOPIC) == {0: [b"1", b"2", b"4"], 1: [], 2: [], 3: [b"3"]}
    assert (await records_of(kafka.address, TOPIC))[0] == [b"1\n2", b"4"]


async def test_requests_at_once_become_few_records(kafka: Kafka) -> None:
    metrics = Metrics()
    async with publishing(kafka.address, metrics=metrics) as publisher:
        lines = [b'{"n":%d}' % number for number in range(1000)]
        await asyncio.gather(
            *(publisher.publish(TOPIC, {number % 4: [line]}) for number, line in enumerate(lines))
        )
    stored = await lines_of(kafka.address, TOPIC)
    assert sorted(line for part in stored.values() for line in part) == sorted(lines)
    assert stored[1] == lines[1::4]
    assert metrics.get("headrace_ingest_records_total") <= 8


async def test_a_large_batch_is_cut_to_what_the_topic_takes(kafka: Kafka) -> None:
    async with publishing(kafka.address) as publisher:
        lines = [b"%07d" % number + b"x" * 5000 for number in range(2000)]
        await publisher.publish(TOPIC, {2: lines})
        await publisher.publish(TOPIC, {2: [b"y" * (1 << 20)]})
    assert (await lines_of(kafka.address, TOPIC))[2] == [*lines, b"y" * (1 << 20)]


async def test_it_starts_before_the_broker_and_finds_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    kafka = Kafka(tmp_path)
    kafka._port = port
    async with publishing(kafka.address) as publisher:
        assert kafka.address in await refusal(publisher)
        async with kafka:
            await kafka.declare(TOPIC)
            assert await until(lambda: not publisher.trouble) < 2
            await publisher.publish(TOPIC, {0: [b"a"]})
            await publisher.stop()


async def test_it_can_be_stopped_while_the_broker_never_came() -> None:
    async with publishing("127.0.0.1:1") as publisher:
        assert publisher.trouble


async def test_an_idle_publisher_notices_that_the_broker_is_gone_and_back(kafka: Kafka) -> None:
    async with publishing(kafka.address) as publisher:
        await kafka.stop()
        await until(lambda: bool(publisher.trouble))
        await refusal(publisher)
        await kafka.start()
        assert await until(lambda: not publisher.trouble) < 1.5
        await publisher.publish(TOPIC, {0: [b"a"]})
        await publisher.stop()
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"a"]


async def test_through_restarts_nothing_acknowledged_is_lost_or_doubled(kafka: Kafka) -> None:
    acknowledged: list[bytes] = []
    refused = 0
    done = False

    async def client(name: int) -> None:
        nonlocal refused
        number = 0
        while not done:
            line = b'{"client":%d,"n":%d}' % (name, number)
            number += 1
            try:
                await publisher.publish(TOPIC, {name % 4: [line]})
            except Unavailable:
                refused += 1
                await asyncio.sleep(0.01)
            else:
                acknowledged.append(line)

    async with publishing(kafka.address) as publisher:
        clients = [asyncio.create_task(client(name)) for name in range(8)]
        for _ in range(3):
            seen = len(acknowledged)
            await until(lambda seen=seen: len(acknowledged) > seen + 200)  # type: ignore[misc]
            await kafka.stop()
            await until(lambda: bool(publisher.trouble))
            await kafka.start()
            await until(lambda: not publisher.trouble)
        done = True
        await asyncio.gather(*clients)
    stored = [line for part in (await lines_of(kafka.address, TOPIC)).values() for line in part]
    assert refused
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)


async def test_a_short_absence_is_waited_out(kafka: Kafka) -> None:
    async with publishing(kafka.address) as publisher:
        await publisher.publish(TOPIC, {0: [b"before"]})
        kafka.broker.faults.hang_up.add(PRODUCE)
        waiting = asyncio.create_task(publisher.publish(TOPIC, {0: [b"during"]}))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        kafka.broker.faults.heal()
        await waiting
        await publisher.stop()
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"before", b"during"]


async def test_a_record_that_is_not_acknowledged_in_time(kafka: Kafka) -> None:
    async with publishing(kafka.address, ack_timeout_s=0.3) as publisher:
        kafka.broker.faults.delay_seconds[PRODUCE] = 1.5
        assert "did not acknowledge within 0.3 s" in await refusal(publisher)
        kafka.broker.faults.heal()
        await until(lambda: not publisher.trouble)
        await publisher.publish(TOPIC, {0: [b"after"]})
        await publisher.stop()
    assert (await lines_of(kafka.address, TOPIC))[0][-1] == b"after"


async def test_a_broker_that_hangs_is_away(kafka: Kafka) -> None:
    async with publishing(kafka.address, ack_timeout_s=0.3) as publisher:
        kafka.broker.faults.delay_seconds.update({PRODUCE: 1.5, METADATA: 1.5})
        await refusal(publisher)
        await until(lambda: "no connection" in publisher.trouble)
        await refusal(publisher)
        kafka.broker.faults.heal()
        await until(lambda: not publisher.trouble)
        await publisher.publish(TOPIC, {0: [b"after"]})


async def test_a_refused_record_spoils_one_producer_and_no_more(kafka: Kafka) -> None:
    async with publishing(kafka.address) as publisher:
        await publisher.publish(TOPIC, {0: [b"before"]})
        kafka.broker.faults.refuse_produce = Code.POLICY_VIOLATION
        assert "PolicyViolation" in await refusal(publisher)
        kafka.broker.faults.heal()
        assert publisher.trouble == ""
        for number in range(100):
            with contextlib.suppress(Unavailable):
                await publisher.publish(TOPIC, {0: [b"after"]})
                break
            await asyncio.sleep(0.02)
            assert number < 99
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"before", b"after"]


async def test_a_missing_topic_or_partition_harms_nobody_else(kafka: Kafka) -> None:
    async with publishing(kafka.address, ack_timeout_s=0.5) as publisher:
        missing = asyncio.create_task(refusal(publisher, "t.raw.undeclared"))
        await publisher.publish(TOPIC, {0: [b"a"]})
        assert "headrace init" in await missing
        assert "has only 4 partitions" in await refusal(publisher, TOPIC, 4)
        assert publisher.trouble == ""
        await publisher.publish(TOPIC, {0: [b"b"]})
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"a", b"b"]


async def test_stopping_finishes_what_was_taken(kafka: Kafka) -> None:
    async with publishing(kafka.address, linger_ms=1000) as publisher:
        waiting = [
            asyncio.create_task(publisher.publish(TOPIC, {n % 4: [b"%d" % n]})) for n in range(20)
        ]
        await asyncio.sleep(0)
        await publisher.stop()
        assert await asyncio.gather(*waiting) == [None] * 20
        assert await refusal(publisher) == "shutting down"
    assert sum(map(len, (await lines_of(kafka.address, TOPIC)).values())) == 20


async def test_stopping_ends_although_nobody_answers(kafka: Kafka) -> None:
    async with publishing(kafka.address, ack_timeout_s=0.3) as publisher:
        kafka.broker.faults.delay_seconds[PRODUCE] = 1.5
        waiting = asyncio.create_task(refusal(publisher))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await publisher.stop()
        assert "did not acknowledge" in await waiting
        kafka.broker.faults.heal()


async def test_no_task_stays_behind(kafka: Kafka) -> None:
    before = asyncio.all_tasks()
    async with publishing(kafka.address) as publisher:
        await publisher.publish(TOPIC, {0: [b"a"]})
        kafka.broker.faults.refuse_produce = Code.POLICY_VIOLATION
        await refusal(publisher)
        kafka.broker.faults.heal()
    ours = {task for task in asyncio.all_tasks() - before if "aiokafka" in repr(task)}
    assert ours == set()
