"""A Faust worker that does nothing with what it reads: the baseline of the processors."""

import asyncio
import sys
from typing import Any

import faust
import uvloop

from deploy.bench.bare import Watch, say
from processors.app import SETTINGS


async def drain(kafka: str, records: int, topics: list[str]) -> None:
    """Read so many records of topics, on from where it stopped; time it from the first record."""
    options = dict(SETTINGS) | {"topic_disable_leader": True}
    app = faust.App("bench-bare", broker=f"kafka://{kafka}", web_port=6065, **options)
    channel = app.topic(*topics, key_serializer="raw", value_serializer="raw")
    done = asyncio.Event()
    watches: list[Watch] = []
    took: list[tuple[float, float]] = []

    async def nothing(stream: Any) -> None:
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == 1:
                watches.append(Watch())
            if seen == records:
                took.append(watches[0].read())
                done.set()

    app.agent(channel)(nothing)
    await app.start()
    await done.wait()
    await app.stop()
    say(records, *took[0])


if __name__ == "__main__":
    uvloop.run(drain(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
