"""Serve the stand-in until SIGTERM, tidying up as often as the laws need: `DIRECTORY PORT`."""

import asyncio
import signal
import sys
from pathlib import Path

from deploy.local.broker.config import BrokerConfig
from deploy.local.broker.server import serve
from tests.contracts.apache_kafka.properties import BEHAVIOUR, MAX_MESSAGE_BYTES


async def main(directory: str, port: str) -> None:
    config = BrokerConfig(
        data=Path(directory),
        port=int(port),
        max_message_bytes=MAX_MESSAGE_BYTES,
        maintenance_seconds=int(BEHAVIOUR["log.retention.check.interval.ms"]) / 1000,
        min_session_ms=int(BEHAVIOUR["group.min.session.timeout.ms"]),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(config, ready=lambda _: None, stop=stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
