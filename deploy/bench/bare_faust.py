"""A Faust worker that does nothing with what it reads: the baseline of the processors."""

import asyncio
import sys
import time
from typing import Any

import faust
import uvloop

from processors.app import SETTINGS


async def drain(kafka: str, topic: str, records: int) -> float:
    """Read ``records`` records of a topic; answer the seconds from the first to the last."""
    options = dict(SETTINGS) | {"topic_disable_leader": True}
    app = faust.App("bench-bare", broker=f"kafka://{kafka}", web_port=6065, **options)
    channel = app.topic(topic, key_serializer="raw", value_serializer="raw")
    done = asyncio.Event()
    times: list[float] = []

    async def nothing(stream: Any) -> None:
        seen = 0
        async for _ in stream:
            seen += 1
            if seen in (1, records):
                times.append(time.monotonic())
            if seen == records:
                done.set()

    app.agent(channel)(nothing)
    await app.start()
    await done.wait()
    await app.stop()
    return times[-1] - times[0]


if __name__ == "__main__":
    seconds = uvloop.run(drain(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(f"{seconds}\n")
