"""Whether a tier is needed at all, so that one machine does not run what nobody uses."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ingest.connecting import connect

log: Final = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 1.0
_POLL_MS: Final = 1_000


async def wanted(kafka: str, topic: str, asks: Callable[[bytes], bool]) -> None:
    """Return once the latest record of some key of a compacted topic asks for the tier.

    Args:
        asks: looks at a record's value.
    """
    while True:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False
        )
        try:
            await connect(consumer)
            await _found(consumer, TopicPartition(topic, 0), asks)
        except (KafkaError, OSError) as error:
            log.debug("whether %s asks for a tier: %s; trying again", topic, error)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
        finally:
            await consumer.stop()


async def _found(consumer: Any, place: TopicPartition, asks: Callable[[bytes], bool]) -> None:
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    end = (await consumer.end_offsets([place]))[place]
    asking: set[bytes] = set()
    while await consumer.position(place) < end or not asking:
        for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
            for record in records:
                if record.value is not None and asks(record.value):
                    asking.add(record.key)
                else:
                    asking.discard(record.key)
