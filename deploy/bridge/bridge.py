"""Every event source that a topic fills, read by this worker and as many others as there are."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from deploy.bridge.feed import Feed
from deploy.registry import Tail
from deploy.settings import Settings
from ingest.ending import ended
from ingest.publish import KafkaPublisher
from schemas.errors import HeadraceError
from schemas.metrics import Metrics
from schemas.sources import Registry, Source

log: Final = logging.getLogger(__name__)


def fed(registry: Registry) -> dict[str, Source]:
    """Find the sources that topics fill, without what has nothing to do with that."""
    found = filter(None, map(registry.get, registry.ids()))
    return {
        source.id: replace(source, keys=(), name="", description="", updated_at=0)
        for source in found
        if source.kafka is not None and source.enabled
    }


@dataclass(slots=True)
class _Running:
    source: Source
    feed: Feed | None
    task: asyncio.Task[None] | None
    trouble: str = ""


class Bridge:
    """Starts and stops feeds as sources come, change and go.

    Each source has a consumer group of its own, so that workers share its partitions.
    """

    def __init__(
        self,
        settings: Settings,
        tail: Tail,
        publisher: KafkaPublisher,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._tail = tail
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._running: dict[str, _Running] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; what was read is committed then."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                seen = self._tail.version
                await self._follow()
                changed = asyncio.create_task(self._tail.changed(seen))
                await asyncio.wait({stopped, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            stopped.cancel()
            await asyncio.gather(*(self._end(source_id) for source_id in list(self._running)))

    def reads(self, source_id: str) -> bool:
        """Tell whether a source's topic is looked after."""
        return source_id in self._running

    def refresh(self) -> None:
        """Set the gauges of who is read."""
        for source_id, running in self._running.items():
            up = running.feed is not None and not running.feed.trouble
            self._metrics.set("headrace_bridge_up", int(up), source=source_id)

    @property
    def detail(self) -> str:
        """Which sources cannot be read, and why; "" when all are."""
        troubles = {
            source_id: running.feed.trouble if running.feed else running.trouble
            for source_id, running in self._running.items()
        }
        return "; ".join(f"source {source}: {why}" for source, why in troubles.items() if why)

    async def _follow(self) -> None:
        wanted = fed(self._tail.registry)
        over = [
            source_id
            for source_id, running in self._running.items()
            if running.source != wanted.get(source_id)
        ]
        await asyncio.gather(*(self._end(source_id) for source_id in over))
        for source_id in wanted.keys() - self._running.keys():
            self._running[source_id] = self._begin(wanted[source_id])

    def _begin(self, source: Source) -> _Running:
        topic = source.kafka
        assert topic is not None  # noqa: S101 - see fed
        try:
            feed = Feed(self._settings, source, topic, self._publisher, self._metrics, self._clock)
        except HeadraceError as error:
            log.warning("source %s: %s", source.id, error.message)
            return _Running(source, None, None, error.message)
        return _Running(source, feed, asyncio.create_task(feed.run(), name=f"feed-{source.id}"))

    async def _end(self, source_id: str) -> None:
        running = self._running.pop(source_id)
        self._metrics.set("headrace_bridge_up", 0, source=source_id)
        if running.feed is not None and running.task is not None:
            await running.feed.stop()
            await ended(running.task)
