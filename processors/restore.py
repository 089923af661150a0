"""Reading changelogs into shelves; this room's own door to aiokafka, beside Faust's.

Faust hands a changelog over record by record through four queues, some 80 microseconds each: a
million states would keep their partitions waiting for more than a minute. Read in batches they
take seconds. What is written meanwhile Faust's own recovery reads.
"""

import logging
from collections.abc import Callable, Mapping
from itertools import starmap
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from processors.shelves import Shelf

logger = logging.getLogger(__name__)

_FETCH_BYTES: Final = 1 << 20
_POLL_MS: Final = 250


async def restore(
    kafka: str, topic: str, shelves: Mapping[int, Shelf], renew: Callable[[int], Shelf]
) -> None:
    """Bring the shelves of some partitions up to the ends of their changelogs.

    Args:
        kafka: ``host:port``, several with commas.
        topic: the changelog.
        shelves: by partition.
        renew: gives an empty shelf instead of one that has more than its changelog: that is of
            a log that is no more.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=_POLL_MS,
    )
    await consumer.start()
    try:
        await _read(consumer, topic, dict(shelves), renew)
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer,
    topic: str,
    shelves: dict[int, Shelf],
    renew: Callable[[int], Shelf],
) -> None:
    places = list(starmap(TopicPartition, ((topic, partition) for partition in shelves)))
    consumer.assign(places)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
    left = set()
    for place, end in ends.items():
        shelf = shelves[place.partition]
        if shelf.offset >= end:
            logger.warning(
                "the state of partition %d is of another changelog (offset %d of %d): begun anew",
                place.partition,
                shelf.offset,
                end,
            )
            shelf = shelves[place.partition] = renew(place.partition)
        if shelf.offset + 1 < end:
            left.add(place)
            consumer.seek(place, shelf.offset + 1)
        else:
            consumer.pause(place)
    while left:
        for place, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
            shelf = shelves[place.partition]
            shelf.restore([(it.key, it.value) for it in records], records[-1].offset)
        for place in list(left):
            if await consumer.position(place) >= ends[place]:
                shelves[place.partition].restore([], ends[place] - 1)
                consumer.pause(place)
                left.discard(place)
