"""One ClickHouse and one broker per session; a fresh database and fresh topics per test."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from tests.contracts.clickhouse.stand_in import StandIn
from tests.sinks import flow
from tests.sinks.broker import BrokerProcess

PARTITIONS = 3


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("clickhouse")) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address: of the broker named in the environment, else of the stand-in."""
    with ExitStack() as running:
        address = os.environ.get("HEADRACE_TEST_KAFKA")
        if not address:
            directory = tmp_path_factory.mktemp("broker")
            address = running.enter_context(BrokerProcess(directory)).address
        yield address


@pytest.fixture
def url(engine: StandIn) -> str:
    """Address of a database that does not exist yet."""
    return flow.address(engine)


@pytest.fixture
async def clickhouse(url: str) -> AsyncIterator[ClickHouse]:
    """A client of a database with all tables, empty."""
    client = ClickHouse(url)
    await migrate(client, database=client.database)
    yield client
    await client.command(f"DROP DATABASE {client.database}")
    await client.close()


@pytest.fixture
async def topics(kafka: str) -> Topics:
    """Fresh topics, declared."""
    topics = Topics(f"t{secrets.token_hex(6)}", PARTITIONS)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        declared = [
            NewTopic(topic.name, topic.partitions, 1, topic_configs=topic.configs)
            for topic in (topics.events, topics.profiles, topics.dead)
        ]
        await admin.create_topics(declared)
    finally:
        await admin.close()
    return topics
