"""A group member in a process of its own, to be killed: `member ADDRESS TOPIC GROUP SESSION_MS`."""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer


async def main(address: str, topic: str, group: str, session_ms: str) -> None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=group,
        session_timeout_ms=int(session_ms),
        heartbeat_interval_ms=200,
    )
    await consumer.start()
    while True:
        await consumer.getmany(timeout_ms=100)
        sys.stdout.write(f"owns {len(consumer.assignment())}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
