"""A producer in use, how one is given up, and what is said of a record that was not sent."""

import asyncio
from typing import Any, NamedTuple


class Unsent(NamedTuple):
    """Why a record is not known to be written.

    Attributes:
        final: the broker answered and will not have it; nobody knows when that changes.
    """

    why: str
    final: bool = False


class Link:
    """A producer, the number of its records under way, and whether it may still be used."""

    def __init__(self, producer: Any, since: float) -> None:
        self.producer = producer
        self.since = since
        self.spoiled = False
        self.pending = 0
        self.idle = asyncio.Event()
        self.idle.set()

    def __enter__(self) -> Any:
        self.pending += 1
        self.idle.clear()
        return self.producer

    def __exit__(self, *_: object) -> None:
        self.pending -= 1
        if not self.pending:
            self.idle.set()


async def discard(producer: Any) -> None:
    """Stop a producer without waiting for records that nobody waits for any more.

    aiokafka 0.14 repeats an idempotent batch for ever and ``AIOKafkaProducer.stop`` waits for
    it: hence its parts are closed one by one, and ``_closed`` says so to its finaliser.
    """
    await producer._sender.close()  # noqa: SLF001 - see above
    await producer.client.close()
    producer._closed = True  # noqa: SLF001 - see above
