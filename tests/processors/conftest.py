"""One broker per session, fresh topics per test, workers in this process."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from processors.app import Processors, run
from schemas.metrics import Metrics
from schemas.sources import Source
from schemas.topics import Topics
from tests.processors.world import PARTITIONS, Feed, Reader, Tracker, declare, worker
from tests.sinks.broker import BrokerProcess

Running = Callable[..., AbstractAsyncContextManager[Processors]]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address: of the broker named in the environment, else of the stand-in."""
    if address := os.environ.get("HEADRACE_TEST_KAFKA"):
        yield address
        return
    with BrokerProcess(tmp_path_factory.mktemp("broker")) as broker:
        yield broker.address


@pytest.fixture
async def topics(kafka: str) -> Topics:
    """Fresh topics with one source, declared."""
    topics = Topics(f"t{secrets.token_hex(6)}", PARTITIONS)
    app_id = f"{topics.prefix}-processors"
    await declare(kafka, [*topics.all(["shop"]), topics.sessions(app_id)])
    return topics


@pytest.fixture
def feed() -> Feed:
    return Feed(Source("shop"))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def tracker(kafka: str, topics: Topics) -> AsyncIterator[Tracker]:
    async with Tracker(kafka, topics) as tracker:
        yield tracker


@pytest.fixture
async def reader(kafka: str, topics: Topics) -> AsyncIterator[Reader]:
    async with Reader(kafka, topics) as reader:
        yield reader


@pytest.fixture
def running(kafka: str, topics: Topics, feed: Feed, metrics: Metrics, tmp_path: Path) -> Running:
    """Makes workers; each runs inside its ``async with`` block and is stopped in order."""

    @asynccontextmanager
    async def running(port: int = 6066) -> AsyncIterator[Processors]:
        app = worker(kafka, topics, feed, tmp_path / str(port), metrics, port=port)
        stop, ready = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(run(app, stop=stop, ready=ready.set))
        told = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                yield app
        finally:
            told.cancel()
            stop.set()
            await task

    return running
