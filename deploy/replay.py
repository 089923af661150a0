"""A source's raw records sent through again, as they were, from any time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.resend import COPY, Resend
from schemas import codec
from schemas.errors import Unavailable
from schemas.topics import Topic

_POLL_MS: Final = 1_000
_FETCH_RECORDS: Final = 200
_SILENT_POLLS: Final = 30


@dataclass(slots=True)
class Passed:
    """What went through: records of the topic, and the events in them."""

    records: int = 0
    events: int = 0


class RawReplay:
    """Copies records to the end of the partition they are in.

    The processors see the same lines in the same order: event ids and times of receipt stay,
    sessions that are remembered take their events back, and those that are not are cut as they
    were the first time. Copies of an earlier replay are left out: their originals are here.

    Args:
        rate: events per second.
    """

    def __init__(self, kafka: str, topic: Topic, *, rate: int) -> None:
        self._kafka = kafka
        self._topic = topic
        self._rate = rate
        self._ends: dict[TopicPartition, int] = {}

    async def run(
        self, since: int, until: int | None, progress: Callable[[int, int], None]
    ) -> Passed:
        """Copy what was written since a moment and, if given, before another (Unix ms).

        Records written after the start of the replay are not copied.

        Args:
            progress: told how many offsets were passed since it was told last, and of how many.

        Raises:
            Unavailable: ``broker-unavailable``; starting again from the same time is harmless.
        """
        passed = Passed()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
            positions = await self._positions(consumer, since)
            total = sum(self._ends[place] - first for place, first in positions.items())
            progress(0, total)
            async with Resend(self._kafka, rate=self._rate) as resend:
                await self._copy(consumer, positions, until, resend, passed, progress)
        except (KafkaError, OSError) as error:
            raise Unavailable("broker-unavailable", f"Kafka does not answer: {error}") from error
        finally:
            await consumer.stop()
        return passed

    async def _positions(self, consumer: Any, since: int) -> dict[TopicPartition, int]:
        """Find the first offset of each partition that has any since then."""
        places = [TopicPartition(self._topic.name, n) for n in range(self._topic.partitions)]
        consumer.assign(places)
        self._ends = dict(await consumer.end_offsets(places))
        found = await consumer.offsets_for_times(dict.fromkeys(places, since))
        positions = {place: at.offset for place, at in found.items() if at is not None}
        positions = {place: at for place, at in positions.items() if at < self._ends[place]}
        consumer.assign(list(positions))
        for place, offset in positions.items():
            consumer.seek(place, offset)
        return positions

    async def _copy(
        self,
        consumer: Any,
        positions: dict[TopicPartition, int],
        until: int | None,
        resend: Resend,
        passed: Passed,
        progress: Callable[[int, int], None],
    ) -> None:
        total = sum(self._ends[place] - first for place, first in positions.items())
        left, silent = dict(positions), 0
        while left:
            batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_FETCH_RECORDS)
            silent = 0 if batches else silent + 1
            if silent > _SILENT_POLLS:
                raise Unavailable("broker-unavailable", "Kafka sends no records: try again")
            for place, records in batches.items():
                end = self._ends[place]
                values = [
                    (record.value, len(codec.split_lines(record.value)))
                    for record in records
                    if record.offset < end and record.value and _wanted(record, until)
                ]
                await resend.records((place.topic, place.partition), values, copy=True)
                passed.records += len(values)
                passed.events += sum(events for _, events in values)
            for place, first in list(left.items()):
                at = min(await consumer.position(place), self._ends[place])
                progress(at - first, total)
                left[place] = at
                if at >= self._ends[place]:
                    del left[place]
                    consumer.pause(place)


def _wanted(record: Any, until: int | None) -> bool:
    return COPY not in record.headers and (until is None or record.timestamp < until)
