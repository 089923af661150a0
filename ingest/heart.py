"""Sends heartbeats: events that measure the way to the table while nobody else sends any."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ingest.door import Publisher
from ingest.ending import ended
from schemas import heartbeat
from schemas.errors import HeadraceError
from schemas.metrics import Metrics
from schemas.topics import Topics

log: Final = logging.getLogger(__name__)


class Heart:
    """Publishes one heartbeat after the other, through the publisher of all events.

    They go round the partitions, so that each worker gets some. While the broker is away they are
    spooled like any other event; one that is refused is not tried again: the next will tell.

    Args:
        edge: name of this ingest process.
        seconds: from one to the next.
        clock: Unix ms.
        new_id: draws a UUIDv7 as text.
    """

    def __init__(
        self,
        publisher: Publisher,
        topics: Topics,
        metrics: Metrics,
        *,
        edge: str,
        seconds: float,
        clock: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._publisher = publisher
        self._topic = topics.heartbeats
        self._metrics = metrics
        self._edge = edge
        self._seconds = seconds
        self._clock = clock
        self._new_id = new_id
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._run(), name="heart")

    async def stop(self) -> None:
        """Send no more."""
        await ended(self._task)

    async def _run(self) -> None:
        # Edges that started at different times beat on the same partition at about the same time.
        turn = self._clock() // int(1000 * self._seconds)
        while True:
            try:
                await self._beat(turn % self._topic.partitions)
            except HeadraceError as error:
                self._metrics.add("headrace_ingest_heartbeats_total", outcome=error.code)
            except Exception:
                log.exception("a heartbeat could not be sent")
            turn += 1
            await asyncio.sleep(self._seconds)

    async def _beat(self, partition: int) -> None:
        if self._publisher.trouble:
            self._metrics.add("headrace_ingest_heartbeats_total", outcome="not-ready")
            return
        line = heartbeat.line(self._new_id(), self._edge, self._clock())
        await self._publisher.publish(self._topic.name, {partition: [line]})
        self._metrics.add("headrace_ingest_heartbeats_total", outcome="sent")
