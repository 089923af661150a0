"""Records read again by their places, without a group, so that nobody's offsets move."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from typing import Any, Final

from aiokafka import TopicPartition

from deploy.sheet import Place
from schemas.errors import Unavailable

_POLL_MS: Final = 1_000
_SILENT_POLLS: Final = 15
_NEAR: Final = 200
"""Reading so many records more is cheaper than seeking."""


async def records(consumer: Any, places: Collection[Place]) -> AsyncIterator[tuple[Place, bytes]]:
    """Read the values of records; those that are not there any more are left out.

    Raises:
        Unavailable: ``broker-unavailable``: Kafka sends nothing.
        KafkaError: the broker does not answer.
    """
    wanted: dict[TopicPartition, list[int]] = defaultdict(list)
    for topic, partition, offset in sorted(places, reverse=True):
        wanted[TopicPartition(topic, partition)].append(offset)
    for place, offsets in wanted.items():
        async for offset, value in _partition(consumer, place, offsets):
            yield Place(place.topic, place.partition, offset), value


async def _partition(
    consumer: Any, place: TopicPartition, left: list[int]
) -> AsyncIterator[tuple[int, bytes]]:
    """Read one partition; ``left`` is consumed from its end, the lowest offset."""
    consumer.assign([place])
    first = (await consumer.beginning_offsets([place]))[place]
    end = (await consumer.end_offsets([place]))[place]
    while left and left[-1] < first:
        left.pop()
    silent, sought = 0, False
    while left and left[-1] < end:
        if not sought:
            consumer.seek(place, left[-1])
            sought = True
        batches = await consumer.getmany(place, timeout_ms=_POLL_MS)
        silent = 0 if batches else silent + 1
        if silent > _SILENT_POLLS:
            raise Unavailable("broker-unavailable", "Kafka sends no records: try again")
        for record in batches.get(place, ()):
            while left and left[-1] < record.offset:
                left.pop()
            if left and left[-1] == record.offset:
                left.pop()
                yield record.offset, record.value or b""
        if left and left[-1] > await consumer.position(place) + _NEAR:
            sought = False
