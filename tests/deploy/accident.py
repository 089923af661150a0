"""Runs one statement as the tiers' own user: `python -m tests.deploy.accident DATA SQL`."""

import asyncio
import sys

from deploy.settings import from_environment
from sinks.clickhouse import ClickHouse


async def main(data: str, sql: str) -> None:
    client = ClickHouse(from_environment({"HEADRACE_DATA": data}).clickhouse_writer)
    await client.command(sql, settings={"mutations_sync": 2, "lightweight_deletes_sync": 2})
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
