"""Which raw topics are read, which are not fit to be, and what to tell people about those."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from processors.work import SourceFeed
from schemas.errors import HeadraceError
from schemas.topics import Topic, Topics

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
_LOOKS: Final = 6


class TopicsUnfit(HeadraceError):
    """Topics are missing or cut into the wrong number of partitions."""


def unfit(declared: Iterable[Topic], found: Mapping[str, int]) -> dict[str, str]:
    """Compare topics with what the broker has; returns name -> what is wrong with it.

    State lives beside the records it belongs to only while all these topics have the same
    number of partitions; Faust stops its agents, over and over, when they do not.
    """
    faults = {}
    for topic in declared:
        count = found.get(topic.name, 0)
        if count == 0:
            faults[topic.name] = f"topic {topic.name} is missing: run `headrace init`"
        elif count != topic.partitions:
            faults[topic.name] = (
                f"topic {topic.name} has {count} partitions, not {topic.partitions}: set "
                f"HEADRACE_PARTITIONS={count} for every tier if all topics have that many, "
                "else create it anew"
            )
    return faults


def wanted_topics(
    topics: Topics, source_ids: Iterable[str], found: Iterable[str]
) -> tuple[Topic, ...]:
    """The raw topics to read: of every source, and of those that are gone.

    A source may be deleted before its last events have been read, and they were accepted.
    """
    prefix = topics.raw("").name
    gone = (name.removeprefix(prefix) for name in found if name.startswith(prefix))
    return tuple(topics.raw(source_id) for source_id in sorted({*source_ids, *gone}))


class Stream(Protocol):
    """What reads the topics; see :class:`processors.app.Processors`."""

    async def partitions(self) -> dict[str, int]:
        """Ask the broker for all topics and their numbers of partitions."""

    def read(self, topic: Topic) -> None:
        """Read this topic, too, from the next rebalance on."""

    def reads(self, names: Iterable[str]) -> bool:
        """Tell whether the broker has been told of all of them; sees to it when not."""


class Subscription:
    """Keeps a stream reading the raw topic of every source.

    Args:
        written: the topics that the processors write to, which must be fit from the start.
        made: those of them that are made when they are missing.
    """

    def __init__(
        self,
        stream: Stream,
        topics: Topics,
        feed: SourceFeed,
        *,
        written: Iterable[Topic],
        made: Iterable[Topic] = (),
    ) -> None:
        self._stream = stream
        self._topics = topics
        self._feed = feed
        self._written = tuple(written)
        self._made = tuple(made)
        self._names: set[str] = set()
        self._seen: dict[str, str] = {}
        self._told: dict[str, str] = {}

    async def begin(self) -> None:
        """Take in every source known now: one rebalance for all of them.

        Raises:
            TopicsUnfit: when the topics written to are not what they must be, nor become it
                in a few looks: a broker may learn of a new topic later than its controller.
        """
        for _ in range(_LOOKS):
            found = await self._stream.partitions()
            made = [topic for topic in self._made if topic.name in found]
            faults = unfit([*self._written, *made], found)
            if not faults:
                self._take(found)
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise TopicsUnfit("topics-unfit", "; ".join(faults.values()))

    async def follow(self) -> None:
        """Take in sources as they come, until cancelled."""
        seen = self._feed.version
        while True:
            if self._take(await self._stream.partitions()) and self._stream.reads(self._names):
                seen = await self._feed.changed(seen)
            else:
                await asyncio.sleep(LOOK_SECONDS)

    def _take(self, found: Mapping[str, int]) -> bool:
        """Add what is fit; True when there is no rest to complain about."""
        wanted = wanted_topics(self._topics, self._feed.registry.ids(), found)
        new = [topic for topic in wanted if topic.name not in self._names]
        faults = unfit(new, found)
        for topic in new:
            if topic.name not in faults:
                self._names.add(topic.name)
                self._stream.read(topic)
        self._complain(faults)
        return not faults

    def _complain(self, faults: Mapping[str, str]) -> None:
        """Log a fault once, when it is there at a second look: topics follow their sources."""
        for name, fault in faults.items():
            if self._seen.get(name) == fault != self._told.get(name):
                self._told[name] = fault
                logger.error("events of a source are not processed: %s", fault)
        self._seen = dict(faults)
