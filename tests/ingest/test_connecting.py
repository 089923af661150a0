"""Clients of Kafka that are told to stop while they start leave nothing open."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from ingest.connecting import connect
from tests.ingest.kafka import Kafka

MOMENTS = 60
"""More turns of the loop than a start takes."""


def sockets() -> int:
    places = Path("/proc/self/fd").iterdir()
    return sum(each.is_symlink() and "socket:" in str(each.readlink()) for each in places)


async def test_whenever_it_is_cancelled_nothing_stays_open(tmp_path: Path) -> None:
    async with Kafka(tmp_path) as kafka:
        before = sockets()
        ended = set()
        for moment in range(MOMENTS):
            consumer = AIOKafkaConsumer(bootstrap_servers=kafka.address)
            starting = asyncio.create_task(connect(consumer))
            for _ in range(moment):
                await asyncio.sleep(0)
            starting.cancel()
            await asyncio.wait({starting})
            ended.add(starting.cancelled())
            await consumer.stop()
        assert ended == {True, False}, "some were early enough, and some were not"
        async with asyncio.timeout(30):
            while sockets() > before:  # noqa: ASYNC110  the broker closes its ends in its own time
                await asyncio.sleep(0.01)


class Hanging:
    def __init__(self) -> None:
        self.over = False

    async def start(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.over = True


async def test_a_start_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.connecting._GRACE_SECONDS", 0.01)
    client = Hanging()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await connect(client)
    assert client.over


async def test_what_cannot_be_reached_is_told(tmp_path: Path) -> None:
    async with Kafka(tmp_path) as kafka:
        address = kafka.address
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    with pytest.raises(KafkaConnectionError):
        await connect(consumer)
    await consumer.stop()
