"""Records that hold a text, found by reading what was written in a stretch of time."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.resend import COPY
from ingest.connecting import connect
from schemas import codec
from schemas.errors import Unavailable

_POLL_MS: Final = 1_000
_SILENT_POLLS: Final = 15
_FETCH_RECORDS: Final = 500
_MOST_FOUND: Final = 1_000

Span = tuple[int, int]
"""First offset, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class Found:
    """A line that holds the text.

    Attributes:
        written_at: the record's time, Unix ms.
        copy: the record repeats another, see :class:`deploy.replay.RawReplay`.
    """

    topic: str
    partition: int
    offset: int
    written_at: int
    line: bytes
    copy: bool


class Search:
    """Reads topics without a group, so nobody's offsets move.

    Raises:
        Unavailable: ``broker-unavailable``, from each method.
    """

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        """Connect."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            await connect(self._consumer)
        except BaseException as error:
            await self._consumer.stop()
            if isinstance(error, KafkaError | OSError):
                raise unavailable(error) from error
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._consumer.stop()

    async def partitions(self) -> dict[str, list[int]]:
        """All topics and their partitions; creates none."""
        try:
            cluster = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001  no public way
        except (KafkaError, OSError) as error:
            raise unavailable(error) from error
        return {name: sorted(cluster.partitions_for_topic(name) or ()) for name in cluster.topics()}

    async def spans(
        self, places: Iterable[TopicPartition], since: int, until: int
    ) -> dict[TopicPartition, Span]:
        """Find the offsets of what was written between two moments (Unix ms), where there is any.

        Times of records are those of the processes that wrote them, so they rise but roughly:
        whoever asks takes some time more at both ends.
        """
        wanted = list(places)
        if not wanted:
            return {}
        try:
            ends = await self._consumer.end_offsets(wanted)
            first = await self._consumer.offsets_for_times(dict.fromkeys(wanted, since))
            last = await self._consumer.offsets_for_times(dict.fromkeys(wanted, until))
        except (KafkaError, OSError) as error:
            raise unavailable(error) from error
        found = {}
        for place in wanted:
            begin, end = first.get(place), last.get(place)
            stop = ends[place] if end is None else min(ends[place], end.offset)
            if begin is not None and begin.offset < stop:
                found[place] = (begin.offset, stop)
        return found

    async def find(
        self,
        text: bytes,
        spans: Mapping[TopicPartition, Span],
        progress: Callable[[int, int], None],
    ) -> list[Found]:
        """Read the spans and return every line that holds the text, in order of time.

        Args:
            progress: told how many offsets were passed, and of how many.
        """
        try:
            found = await self._read(text, spans, progress)
        except (KafkaError, OSError) as error:
            raise unavailable(error) from error
        return sorted(found, key=lambda each: (each.written_at, each.offset))

    async def _read(
        self,
        text: bytes,
        spans: Mapping[TopicPartition, Span],
        progress: Callable[[int, int], None],
    ) -> list[Found]:
        consumer, found, silent = self._consumer, list[Found](), 0
        left = dict(spans)
        total = sum(end - first for first, end in spans.values())
        consumer.assign(list(left))
        for place, (first, _) in left.items():
            consumer.seek(place, first)
        while left:
            batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_FETCH_RECORDS)
            silent = 0 if batches else silent + 1
            if silent > _SILENT_POLLS:
                raise Unavailable("broker-unavailable", "Kafka sends no records: try again")
            for place, records in batches.items():
                end = spans[place][1]
                for record in records:
                    if record.offset < end and record.value and text in record.value:
                        found += _lines(record, text)
            for place, (_, end) in list(left.items()):
                at = await consumer.position(place)
                left[place] = (min(at, end), end)
                if at >= end:
                    del left[place]
                    consumer.pause(place)
            progress(total - sum(end - at for at, end in left.values()), total)
            if len(found) >= _MOST_FOUND:
                break
        return found


def _lines(record: Any, text: bytes) -> list[Found]:
    copy = COPY in record.headers
    return [
        Found(record.topic, record.partition, record.offset, record.timestamp, line, copy)
        for line in codec.split_lines(record.value)
        if text in line
    ]


def unavailable(error: BaseException) -> Unavailable:
    """What people are told while no broker answers."""
    return Unavailable("broker-unavailable", f"Kafka does not answer: {error}")
