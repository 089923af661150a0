"""Back-pressure: an import stays no further ahead of the tiers than live traffic can bear."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.settings import Settings
from ingest.connecting import connect
from schemas.topics import Topic

_LOOK_SECONDS: Final = 0.1
_MARK_SECONDS: Final = 0.25
_SILENT_SECONDS: Final = 10.0
_SINKS_BEAR: Final = 2
"""How much further ahead of the sinks it may be: they commit once a second, in large batches."""
_LEAST: Final = 4
_MOST: Final = 20
"""How far a window closes, to a fraction of what it was at first, and how far it opens."""
_OPENS: Final = 1.5
_CLOSES: Final = 0.6


@dataclass(slots=True)
class Window:
    """How many events may be ahead of a tier: more while it keeps up, fewer when it does not.

    Commits come seconds apart, so that a bound for slow tiers would hold up fast ones; what an
    event waits for is what live traffic feels, whoever sends how much.

    Attributes:
        size: at first; 0 for no bound at all.
        soon: events that waited for fewer seconds open it.
        late: those that waited for more close it.
    """

    size: int
    soon: float
    late: float
    first: int = 0

    def __post_init__(self) -> None:
        self.first = self.size

    def waited(self, seconds: float) -> None:
        """Take note of how long events waited that are past the tier now."""
        if seconds < self.soon:
            self.size = min(int(self.size * _OPENS) + 1, self.first * _MOST)
        elif seconds > self.late:
            self.size = max(int(self.size * _CLOSES), self.first // _LEAST, 1)


@dataclass(frozen=True, slots=True)
class _Mark:
    """So many events are past a tier when it has committed to here; noted at a moment."""

    events: int
    ends: Mapping[TopicPartition, int]
    at: float


@dataclass(slots=True)
class _Stage:
    """A tier, and what is on its way to it."""

    name: str
    group: str
    topic: Topic
    window: Window
    marks: deque[_Mark] = field(default_factory=deque)
    unmarked: int = 0
    looked: float = 0.0

    @property
    def waiting(self) -> int:
        return self.unmarked + sum(mark.events for mark in self.marks)


class Pressure:
    """Waits until what was sent is nearly all through.

    Asked after every chunk, it notes how far the topics are; a mark is past when the group has
    committed that far on every partition. Others' events count as well, so that a pipeline that
    is busy anyway slows an import down first.

    Args:
        topic: the source's raw topic.
        ahead: events that may wait for the processors at first, 0 for no bound.
        rate: events per second, 0 for no bound.
        waiting: is told what is waited for for long, "" when that is over.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        *,
        ahead: int,
        rate: int,
        waiting: Callable[[str], None],
    ) -> None:
        self._settings = settings
        sinks = Window(_SINKS_BEAR * ahead, soon=2.0, late=3.5)
        self._stages = (
            _Stage("processors", settings.process_group, topic, Window(ahead, soon=0.7, late=1.5)),
            _Stage("sinks", settings.sink_group, settings.topics.events, sinks),
        )
        self._rate = rate
        self._waiting = waiting
        self._sent = 0
        self._began = time.monotonic()
        self._admin: Any = None
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        kafka = self._settings.kafka
        self._admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
        try:
            await connect(self._admin)
            await connect(self._consumer)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def pace(self, events: int, held: Callable[[], None]) -> None:
        """Return when more may follow so many events that were acknowledged just now.

        Args:
            held: is called once when that takes a while.
        """
        self._sent += events
        for stage in self._stages:
            stage.unmarked += events
        if self._rate:
            ahead = self._sent / self._rate - (time.monotonic() - self._began)
            if ahead > 0:
                await asyncio.sleep(ahead)
        since, said, waits = time.monotonic(), False, False
        while late := await self._late():
            if not waits:
                waits = True
                held()
            if not said and time.monotonic() - since > _SILENT_SECONDS:
                said = True
                self._waiting(late)
            await asyncio.sleep(_LOOK_SECONDS)
        if said:
            self._waiting("")

    async def _late(self) -> str:
        """Name the tier that is too far behind; "" for none, and while Kafka does not answer."""
        for stage in self._stages:
            if not stage.window.size:
                continue
            full = stage.waiting >= stage.window.size
            if full or time.monotonic() - stage.looked > _MARK_SECONDS:
                try:
                    await self._look(stage)
                except (KafkaError, OSError):
                    if full:
                        return "Kafka"
            if stage.waiting >= stage.window.size:
                return stage.name
        return ""

    async def _look(self, stage: _Stage) -> None:
        """Mark where the topic ends now, and drop the marks that the group is past."""
        stage.looked = time.monotonic()
        topic, marks = stage.topic, stage.marks
        places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        if stage.unmarked:
            events = stage.unmarked
            ends = await self._consumer.end_offsets(places)
            marks.append(_Mark(events, dict(ends), stage.looked))
            stage.unmarked -= events
        committed = await self._admin.list_consumer_group_offsets(stage.group, partitions=places)
        done = {place: at.offset for place, at in committed.items()}
        past: _Mark | None = None
        while marks and all(
            not end or done.get(at, -1) >= end for at, end in marks[0].ends.items()
        ):
            past = marks.popleft()
        if past is not None:
            stage.window.waited(time.monotonic() - past.at)
