"""How far the tiers are behind what was written, in records and in seconds, and who to blame."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.settings import Settings
from ingest.connecting import connect
from schemas.events import iso
from schemas.metrics import Metrics

TIERS: Final = ("ingest", "process", "sink")
_PLACES_READ: Final = 16
"""Partitions whose oldest waiting record is read at one look: those with the most of them."""
_READ_SECONDS: Final = 2.0
_CACHED: Final = 4_096

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Lag:
    """What was seen of a tier at the last look.

    Attributes:
        records: written and not committed.
        since: Unix ms of the oldest of them that waits since the look before, 0 for none.
        last_success: Unix ms of the last look that saw it go on, 0 for none.
        total: what its offsets summed up to.
    """

    records: int = 0
    since: int = 0
    last_success: int = 0
    total: int = -1


class Lags:
    """Looks at the offsets of both groups and at the ends of their topics.

    It commits nothing and belongs to no group. Ends are compared between two looks, so that
    records are read for their time only where something waits for long.

    Args:
        clock: Unix ms.
    """

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._ends: dict[TopicPartition, int] = {}
        self._times: dict[tuple[TopicPartition, int], int] = {}
        self._began = clock()
        self.tiers = {name: Lag() for name in TIERS}

    async def run(self, stop: asyncio.Event) -> None:
        """Look as often as the heart beats, until told to stop; a broker away is asked again."""
        while not stop.is_set():
            try:
                async with self._connected() as (admin, consumer):
                    while not stop.is_set():
                        await self.look(admin, consumer)
                        await self._pause(stop)
            except (KafkaError, OSError, TimeoutError) as error:
                self._metrics.add("headrace_lag_failures_total")
                _log.warning("cannot see how far the tiers are: %s", error)
                await self._pause(stop)

    async def _pause(self, stop: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.heartbeat):
                await stop.wait()

    @contextlib.asynccontextmanager
    async def _connected(self) -> Any:
        kafka = self._settings.kafka
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, enable_auto_commit=False, max_partition_fetch_bytes=1
        )
        try:
            await connect(admin)
            await connect(consumer)
            yield admin, consumer
        finally:
            await consumer.stop()
            await admin.close()

    async def look(self, admin: Any, consumer: Any) -> None:
        """See where everything is.

        Raises:
            KafkaError: the broker does not answer.
        """
        settings, topics = self._settings, self._settings.topics
        raw, out = await _places(consumer, topics.raw("").name, (topics.events, topics.dead))
        ends = dict(await consumer.end_offsets([*raw, *out]))
        firsts = dict(await consumer.beginning_offsets([*raw, *out]))
        done = {}
        for tier, group, places in (
            ("process", settings.process_group, raw),
            ("sink", settings.sink_group, out),
        ):
            committed = await admin.list_consumer_group_offsets(group)
            done[tier] = {
                place: max(firsts[place], committed[place].offset if place in committed else 0)
                for place in places
            }
        beaten = sum(end for place, end in ends.items() if place.topic == topics.heartbeats.name)
        self._went_on("ingest", beaten)
        for tier, offsets in done.items():
            self._went_on(tier, sum(offsets.values()))
            await self._measure(consumer, tier, offsets, ends)
        self._ends = ends

    def _went_on(self, tier: str, total: int) -> None:
        lag = self.tiers[tier]
        if lag.total not in {-1, total}:
            lag.last_success = self._clock()
            self._metrics.set("headrace_last_success_ms", lag.last_success, tier=tier)
        lag.total = total

    async def _measure(
        self,
        consumer: Any,
        tier: str,
        offsets: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        left = {place: ends[place] - at for place, at in offsets.items() if ends[place] > at >= 0}
        old = [place for place in left if offsets[place] < self._ends.get(place, ends[place])]
        old.sort(key=left.__getitem__, reverse=True)
        times = await self._written(consumer, {place: offsets[place] for place in old})
        lag = self.tiers[tier]
        lag.records, lag.since = sum(left.values()), min(times, default=0)
        self._metrics.set("headrace_lag_records", lag.records, tier=tier)
        self._metrics.set("headrace_lag_seconds", self.seconds(tier), tier=tier)

    async def _written(self, consumer: Any, wanted: Mapping[TopicPartition, int]) -> list[int]:
        """Read when records were written, of some partitions; cached while they wait."""
        keys = list(wanted.items())[:_PLACES_READ]
        missing = {place: at for place, at in keys if (place, at) not in self._times}
        if len(self._times) > _CACHED:
            self._times.clear()
        if missing:
            with contextlib.suppress(TimeoutError):  # they are read at the next look
                async with asyncio.timeout(_READ_SECONDS):
                    await self._read(consumer, missing)
        return [self._times[key] for key in keys if key in self._times]

    async def _read(self, consumer: Any, missing: Mapping[TopicPartition, int]) -> None:
        left = dict(missing)
        while left:
            consumer.assign(list(left))
            for place, offset in left.items():
                consumer.seek(place, offset)
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                if records and place in left:
                    self._times[place, left.pop(place)] = records[0].timestamp

    def seconds(self, tier: str) -> float:
        """How old the oldest record is that a tier has left waiting."""
        since = self.tiers[tier].since
        return max(0, self._clock() - since) / 1000 if since else 0.0

    def late(self, limit_ms: int) -> bool:
        """Tell whether a tier has left a record waiting for longer than that, on any partition."""
        return any(1000 * self.seconds(name) > limit_ms for name in TIERS)

    def blame(self, limit_ms: int) -> str:
        """Name the first tier that is behind by more than half the limit; "" for none."""
        now = self._clock()
        for name in TIERS:
            lag = self.tiers[name]
            waits = 1000 * self.seconds(name) > limit_ms / 2
            silent = now - max(lag.last_success, self._began) > limit_ms / 2
            if waits or silent:
                last = iso(lag.last_success) if lag.last_success else "not since the start"
                return (
                    f"{name} is behind: {lag.records} records, the oldest waits for "
                    f"{self.seconds(name):.0f} s; it last went on: {last}"
                    if name != "ingest"
                    else f"ingest sends no heartbeat; the last: {last}"
                )
        return ""


async def _places(
    consumer: Any, prefix: str, outputs: Iterable[Any]
) -> tuple[list[TopicPartition], list[TopicPartition]]:
    """All partitions of the raw topics, and those of the topics that the sinks read."""
    cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001  no public way
    names = {topic.name for topic in outputs}

    def partitions(wanted: Callable[[str], bool]) -> list[TopicPartition]:
        return [
            TopicPartition(name, partition)
            for name in cluster.topics()
            if wanted(name)
            for partition in cluster.partitions_for_topic(name) or ()
        ]

    return partitions(lambda name: name.startswith(prefix)), partitions(names.__contains__)
