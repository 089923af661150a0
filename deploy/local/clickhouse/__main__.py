"""``python -m deploy.local.clickhouse --data D --port 0``: the stand-in alone, for tests.

Prints ``ready PORT`` when it accepts statements. The writer's password is read from the
environment, where other users of the machine do not see it.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.errors import DataDirectoryLocked
from deploy.local.clickhouse.server import serve


def _config() -> ClickHouseConfig:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.clickhouse")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--writer-user", default="headrace")
    given = parser.parse_args()
    return ClickHouseConfig(
        data=given.data,
        port=given.port,
        writer_user=given.writer_user,
        writer_password=os.environ["HEADRACE_CLICKHOUSE_PASSWORD"],
    )


async def _main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(_config(), ready=lambda port: print("ready", port, flush=True), stop=stop)  # noqa: T201


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except (DataDirectoryLocked, OSError) as error:
        sys.exit(f"clickhouse: {error}")
