"""aiokafka with nothing of headrace in it: sends a topic's records again, then reads them."""

import asyncio
import sys
from typing import Any, Final

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.bench.bare import Watch, say
from deploy.bench.reading import read
from deploy.declare import declare, end_offsets
from deploy.settings import LOCAL_PARTITIONS
from schemas.topics import PACK_BYTES, Topic

_AT_ONCE: Final = 500


async def main(kafka: str, group: str, topics: list[str]) -> None:
    """Send what ``group`` has not read of the topics to a topic of its own, and read it back."""
    records = await read(kafka, topics, group)
    target = f"bench-bare-{len(await end_offsets(kafka, topics))}-{records[0].offset}"
    await declare(kafka, [Topic(target, LOCAL_PARTITIONS)])
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", max_batch_size=PACK_BYTES, linger_ms=5
    )
    await producer.start()
    watch = Watch()
    for start in range(0, len(records), _AT_ONCE):
        sent = [
            await producer.send(target, record.value, partition=record.partition)
            for record in records[start : start + _AT_ONCE]
        ]
        await asyncio.gather(*sent)
    say(len(records), *watch.read())
    await producer.stop()
    consumer: Any = AIOKafkaConsumer(
        target, bootstrap_servers=kafka, group_id=target, auto_offset_reset="earliest"
    )
    await consumer.start()
    left, watch = len(records), Watch()
    while left > 0:
        left -= sum(map(len, (await consumer.getmany(timeout_ms=500)).values()))
    say(len(records), *watch.read())
    await consumer.stop()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
