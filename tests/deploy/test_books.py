import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.books import Keeper
from schemas.ledger import Book
from schemas.metrics import Metrics
from schemas.topics import Topics
from tests.ingest.kafka import Kafka, records_of
from tests.processors.world import eventually

TOPICS = Topics("t", 4)
NOW = 1_795_262_431_500
WRITTEN = "headrace_ledger_entries_total"


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[Kafka]:
    async with Kafka(tmp_path / "kafka") as running:
        await running.declare(TOPICS.ledger.name)
        yield running


async def test_a_book_is_kept_while_there_is_no_broker_and_written_when_it_is_back(
    kafka: Kafka,
) -> None:
    book, metrics = Book("edge", lambda: NOW), Metrics()
    keeper = Keeper(kafka.address, TOPICS, book, metrics, "edge")
    await kafka.stop()
    book.accepted("t.raw.shop", 0, 1, {NOW: 3})
    await keeper.start()
    await asyncio.wait_for(keeper.stop(), 20)
    assert (len(book), metrics.get(WRITTEN, tier="edge")) == (1, 0)
    await kafka.start()
    await keeper.start()
    await eventually(lambda: not len(book), "the book is written", 20)
    book.accepted("t.raw.shop", 0, 2, {NOW: 3})
    await keeper.stop()
    assert (len(book), metrics.get(WRITTEN, tier="edge")) == (0, 2)
    assert len((await records_of(kafka.address, TOPICS.ledger.name))[0]) == 2
