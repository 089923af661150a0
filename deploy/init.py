"""``headrace init``: topics and tables, idempotent, also the migration."""

import asyncio

from deploy.declare import declare, wait_for_kafka
from deploy.registry import read_sources
from deploy.settings import Settings
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate

_WAIT_SECONDS = 60.0


async def initialise(settings: Settings) -> tuple[list[str], list[str]]:
    """Declare every topic and bring the tables up to date.

    Returns:
        Names of the topics that were created and of the migrations that were applied.

    Raises:
        SettingError: no broker answers, or a topic has another partition count.
    """
    topics, applied = await asyncio.gather(_topics(settings), _tables(settings))
    return topics, applied


async def _topics(settings: Settings) -> list[str]:
    await wait_for_kafka(settings.kafka, seconds=_WAIT_SECONDS)
    sessions = settings.topics.sessions(settings.process_group)
    created = await declare(settings.kafka, [*settings.topics.fixed(), sessions])
    registry = await read_sources(settings.kafka, settings.topics)
    raw = [settings.topics.raw(source_id) for source_id in registry.ids()]
    return created + await declare(settings.kafka, raw)


async def _tables(settings: Settings) -> list[str]:
    client = ClickHouse(settings.clickhouse_writer)
    try:
        return await migrate(client, database=settings.database, cluster=settings.cluster or None)
    finally:
        await client.close()
