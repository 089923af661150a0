"""Keeps an ingest process's gate: what the processors work off, and what other edges are asked."""

import asyncio
import heapq
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.settings import Settings
from ingest.connecting import connect
from ingest.door import Publisher
from ingest.ending import ended
from ingest.gate import Gate
from ingest.shed import Look, Pace
from schemas.errors import HeadraceError
from schemas.metrics import Metrics

_LOOK_SECONDS: Final = 1.0
_TELL_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0
_POLL_MS: Final = 500
_ANSWER_MS: Final = 5000
_SOURCES: Final = 32
"""Looked at, the busiest of this process: a look is two requests to Kafka, however many."""

log: Final = logging.getLogger(__name__)


class Gatekeeper:
    """Two tasks beside an ingest process; both cost nothing while nobody needs them.

    One looks once a second how far the processors are with the sources that sent something
    (``HEADRACE_BACKLOG_SECONDS``; 0 for never). One tells other ingest processes twice a second
    how often limited sources came here, and hears the same of them. What Kafka does not tell in
    time changes nothing: nobody is shed, and every process keeps the limits by itself.

    Args:
        edge: name of this process, no other's.
        clock: Unix ms.
    """

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        publisher: Publisher,
        metrics: Metrics,
        *,
        edge: str,
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._publisher = publisher
        self._metrics = metrics
        self._edge = edge
        self._clock = clock
        self._paces: dict[str, Pace] = {}
        self._limited = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin, and return at once: events are taken before anything is known, too."""
        works = [self._tell(), self._again("limits of other processes", self._hear)]
        if self._settings.backlog_seconds:
            works.append(self._again("the processors' backlog", self._look_for_ever))
        self._tasks = [asyncio.create_task(work) for work in works]

    async def stop(self) -> None:
        """Let in everybody and everything from now on."""
        await ended(*self._tasks)

    async def _again(self, what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await work()
            except (KafkaError, OSError, TimeoutError) as error:
                log.info("cannot see %s: %r", what, error)
            except Exception:
                log.exception("looking at %s failed", what)
            self._forget()
            await asyncio.sleep(_RETRY_SECONDS)

    def _forget(self) -> None:
        """Judge nobody by what is not known any more."""
        for source_id in self._paces:
            self._show(source_id, Pace(self._settings.backlog_seconds))
        self._paces.clear()

    async def _look_for_ever(self) -> None:
        kafka, seen = self._settings.kafka, self._gate.shed.seen
        while not seen:  # noqa: ASYNC110  an event for each request would cost each request
            await asyncio.sleep(_LOOK_SECONDS)
        patience = {"bootstrap_servers": kafka, "request_timeout_ms": _ANSWER_MS}
        admin: Any = AIOKafkaAdminClient(**patience)
        consumer: Any = AIOKafkaConsumer(**patience, enable_auto_commit=False)
        try:
            await connect(admin)
            await connect(consumer)
            while True:
                await self._look(admin, consumer)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await consumer.stop()
            await admin.close()

    async def _look(self, admin: Any, consumer: Any) -> None:
        settings, shed = self._settings, self._gate.shed
        counts, shed.seen = shed.seen, {}
        busiest = heapq.nlargest(_SOURCES, counts, key=counts.__getitem__)
        watched = {*busiest, *(name for name, pace in self._paces.items() if pace.share < 1)}
        for idle in self._paces.keys() - watched:
            del self._paces[idle]
        if not watched:
            return
        places = {
            source_id: [
                TopicPartition(settings.topics.raw(source_id).name, number)
                for number in range(settings.partitions)
            ]
            for source_id in watched
        }
        every = [place for some in places.values() for place in some]
        ends = await consumer.end_offsets(every)
        committed = await admin.list_consumer_group_offsets(
            settings.process_group, partitions=every
        )
        done = {place: max(0, at.offset) for place, at in committed.items()}
        now = asyncio.get_running_loop().time()
        for source_id, own in places.items():
            pace = self._paces.setdefault(source_id, Pace(settings.backlog_seconds))
            pace.see(Look(now, {at: ends[at] for at in own}, {at: done.get(at, 0) for at in own}))
            self._show(source_id, pace)

    def _show(self, source_id: str, pace: Pace) -> None:
        self._gate.shed.set(source_id, pace)
        self._metrics.set("headrace_ingest_admitted_share", pace.share, source=source_id)

    async def _tell(self) -> None:
        topic, loop = self._settings.topics.limits.name, asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            now = loop.time()
            asked = self._gate.buckets.asked(now - last)
            last = now
            if not asked:
                continue
            self._limited.set()
            if self._publisher.trouble or self._publisher.detail:
                continue  # what waits on disk is old when it is heard
            line = orjson.dumps({"edge": self._edge, "asked": asked})
            try:
                await self._publisher.publish(topic, {0: [line]})
            except HeadraceError as error:
                log.info("cannot tell other processes of limits: %s", error.message)

    async def _hear(self) -> None:
        """Follow what others tell, from the first request on that has a limit."""
        await self._limited.wait()
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka, enable_auto_commit=False
        )
        try:
            await connect(consumer)
            place = TopicPartition(self._settings.topics.limits.name, 0)
            consumer.assign([place])
            await consumer.seek_to_end(place)
            while True:
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in records:
                        self._note(record.value)
        finally:
            await consumer.stop()

    def _note(self, value: bytes) -> None:
        for line in value.splitlines():
            told = orjson.loads(line)
            if told["edge"] != self._edge:
                self._gate.buckets.hear(told["edge"], told["asked"], self._clock())
