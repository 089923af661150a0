"""What a group has not read yet of some topics, read without joining it."""

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.declare import end_offsets


async def committed(kafka: str, group: str) -> dict[Any, int]:
    """Offsets of a group; a partition that it never committed is left out."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
        return {place: at.offset for place, at in found.items() if at.offset >= 0}
    finally:
        await admin.close()


async def read(kafka: str, topics: Iterable[str], group: str) -> list[Any]:
    """Read all records of the topics that ``group`` has not committed, by partition."""
    done = await committed(kafka, group)
    ends = {
        place: end
        for place, end in (await end_offsets(kafka, topics)).items()
        if end > done.get(place, 0)
    }
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(ends))
        for place in ends:
            consumer.seek(place, done.get(place, 0))
        records: list[Any] = []
        left = sum(end - done.get(place, 0) for place, end in ends.items())
        while len(records) < left:
            for found in (await consumer.getmany(timeout_ms=500)).values():
                records.extend(found)
        return records
    finally:
        await consumer.stop()
