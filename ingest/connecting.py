"""The start of Kafka's clients, which may be told to stop before they are there."""

import asyncio
from typing import Any, Final

_GRACE_SECONDS: Final = 3.0
"""For a start that nobody waits for any more; a broker that is there answers well before."""


async def connect(client: Any) -> None:
    """Start a client of aiokafka, to its end also when this is cancelled meanwhile.

    ``AIOKafkaClient.bootstrap`` of aiokafka 0.14 closes its connection after an answer or an
    error, not after a cancellation: its socket would stay open, whoever stops the client.

    Raises:
        KafkaError, OSError: it could not be started, and is to be stopped like one that was.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        _, late = await asyncio.wait({starting}, timeout=_GRACE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        raise
