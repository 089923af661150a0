"""Answers of the processors over the broker stand-in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from ingest.answers import KafkaAnswers
from schemas import answers as lines
from schemas.answers import Told
from schemas.codec import join_lines
from schemas.topics import Topics
from tests.ingest.kafka import Kafka, until
from tests.ingest.plain import PARTITIONS

TOPICS = Topics("t", PARTITIONS)
SECONDS = 20.0


@contextlib.asynccontextmanager
async def listening(address: str, chance: float = 0.6) -> AsyncIterator[KafkaAnswers]:
    answers = KafkaAnswers(address, TOPICS, chance=lambda: chance, new_id=lambda: uuid4().hex)
    await answers.start()
    try:
        yield answers
    finally:
        await answers.stop()


async def tell(address: str, *records: bytes) -> None:
    """Write records where the first ask in them wants them."""
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(TOPICS.answers.name, record, partition=2)
    finally:
        await producer.stop()


async def test_answers_reach_whoever_waits_for_them(tmp_path: Path) -> None:
    async with Kafka(tmp_path) as kafka:
        await kafka.declare(TOPICS.answers.name)
        await tell(kafka.address, lines.write(Told("2:old", "e0")))
        async with listening(kafka.address) as answers:
            await until(lambda: not answers.trouble)
            with answers.expect(2) as mine, answers.expect(1) as yours:
                assert lines.partition_of(mine.ask) == 2
                assert mine.ask != yours.ask
                told = [
                    Told(mine.ask, "e1", profile_id="p"),
                    Told("2:somebody else", "e9"),
                    Told(yours.ask, "e3", errors=("broken",)),
                    Told(mine.ask, "e2", opened=True),
                    Told(mine.ask, "e1", profile_id="p"),
                ]
                record = join_lines([b"no JSON", *map(lines.write, told)])
                await tell(kafka.address, b"", record)
                assert await mine.wait(SECONDS) == {"e1": told[0], "e2": told[3]}
                assert await yours.wait(SECONDS) == {"e3": told[2]}
            await tell(kafka.address, lines.write(told[0]))


async def test_a_broker_that_comes_late_and_comes_back(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path)
    async with kafka:
        await kafka.declare(TOPICS.answers.name)
    async with listening(kafka.address) as answers:
        assert answers.trouble
        await kafka.start()
        await until(lambda: not answers.trouble)
        await kafka.stop()
        await kafka.start()
        with answers.expect(1) as mine:
            await tell(kafka.address, lines.write(Told(mine.ask, "e1")))
            assert list(await mine.wait(SECONDS)) == ["e1"]
    await kafka.stop()


async def test_who_is_not_told_goes_on(tmp_path: Path) -> None:
    async with Kafka(tmp_path) as kafka, listening(kafka.address) as answers:
        with answers.expect(1) as mine:
            assert await mine.wait(0.01) == {}
        await asyncio.sleep(0)
        assert answers.trouble
