"""A bare insert: the rows that the sink has not read, by its client, into a table like its own."""

import asyncio
import os
from typing import Final

from deploy.bench.bare import Watch, say
from deploy.bench.reading import read
from deploy.settings import from_environment
from schemas.codec import split_lines
from sinks.clickhouse import ClickHouse

_ROWS: Final = 20_000


async def main() -> None:
    """Read first, then insert as fast as it goes."""
    settings = from_environment(os.environ)
    records = await read(settings.kafka, [settings.topics.events.name], settings.sink_group)
    lines = [line for record in records for line in split_lines(record.value)]
    client = ClickHouse(settings.clickhouse_writer)
    database = settings.database
    try:
        await client.command(f"CREATE TABLE {database}.bare AS {database}.events")
        watch = Watch()
        for start in range(0, len(lines), _ROWS):
            await client.insert("bare", [b"\n".join(lines[start : start + _ROWS])])
        say(len(lines), *watch.read())
    finally:
        await client.command(f"DROP TABLE {database}.bare SYNC")
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
