"""Back-pressure: an import stays no further ahead of the tiers than live traffic can bear."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.settings import Settings
from schemas.topics import Topic

_LOOK_SECONDS: Final = 0.1
_SILENT_SECONDS: Final = 10.0
_SINKS_BEAR: Final = 2
"""How much further ahead of the sinks it may be: they commit once a second, in large batches."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """So many events are past a tier when it has committed to here."""

    events: int
    ends: Mapping[TopicPartition, int]


class Pressure:
    """Waits until what was sent is nearly all through.

    Asked after every chunk, it notes how far the topics are; a mark is past when the group has
    committed that far on every partition. Others' events count as well, so that a pipeline that
    is busy anyway slows an import down first.

    Args:
        topic: the source's raw topic.
        ahead: events that may wait for the processors; 0 for no bound.
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
        self._stages = (
            ("processors", settings.process_group, topic, ahead),
            ("sinks", settings.sink_group, settings.topics.events, _SINKS_BEAR * ahead),
        )
        self._rate = rate
        self._waiting = waiting
        self._marks: dict[str, deque[_Mark]] = {name: deque() for name, *_ in self._stages}
        self._unmarked = dict.fromkeys(self._marks, 0)
        self._sent = 0
        self._began = time.monotonic()
        self._admin: Any = None
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        kafka = self._settings.kafka
        self._admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
        await self._admin.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def pace(self, events: int, held: Callable[[], None]) -> None:
        """Return when more may follow so many events that were acknowledged just now.

        Args:
            held: is called once when that takes a while.
        """
        self._sent += events
        for name in self._unmarked:
            self._unmarked[name] += events
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
        for name, group, topic, bound in self._stages:
            marks = self._marks[name]
            waiting = self._unmarked[name] + sum(mark.events for mark in marks)
            if not bound or waiting < bound:
                continue
            try:
                await self._look(name, group, topic)
            except (KafkaError, OSError):
                return "Kafka"
            if sum(mark.events for mark in marks) >= bound:
                return name
        return ""

    async def _look(self, name: str, group: str, topic: Topic) -> None:
        """Mark where the topic ends now, and drop the marks that the group is past."""
        marks = self._marks[name]
        places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        if self._unmarked[name]:
            ends = await self._consumer.end_offsets(places)
            marks.append(_Mark(self._unmarked[name], dict(ends)))
            self._unmarked[name] = 0
        committed = await self._admin.list_consumer_group_offsets(group)
        done = {place: at.offset for place, at in committed.items()}
        while marks and all(
            not end or done.get(at, -1) >= end for at, end in marks[0].ends.items()
        ):
            marks.popleft()
