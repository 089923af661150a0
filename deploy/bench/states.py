"""Sessions of many visitors, written where processors recover them from."""

from itertools import islice
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from deploy.bench.bed import SOURCE
from deploy.bench.samples import visitor_name
from deploy.settings import Settings
from deploy.tier import clock
from processors.steps.sessionize import Session, Visits, dump
from processors.visits import key_of
from schemas.topics import PACK_BYTES, partition_of

_HOUR_MS: Final = 3_600_000
_STATES: Final = 2_000


async def fill(settings: Settings, first: int, end: int) -> None:
    """Let the changelog have the state of each of these visitors, an hour old."""
    numbers = iter(range(first, end))
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=settings.kafka, max_batch_size=PACK_BYTES, compression_type="zstd"
    )
    await producer.start()
    try:
        while some := list(islice(numbers, _STATES)):
            await _write(settings, producer, some)
    finally:
        await producer.stop()


async def _write(settings: Settings, producer: Any, numbers: list[int]) -> None:
    now = clock()
    items: dict[int, list[tuple[bytes, bytes]]] = {}
    for name in map(visitor_name, numbers):
        partition = partition_of(name, settings.partitions)
        session = Session(now - _HOUR_MS, now - _HOUR_MS, now - _HOUR_MS)
        state = dump(Visits(partition, now, (session,)))
        items.setdefault(partition, []).append((key_of(SOURCE, name), state))
    changelog = settings.topics.sessions(settings.process_group).name
    for partition, states in items.items():
        batch = producer.create_batch()
        for key, state in states:
            batch.append(timestamp=None, key=key, value=state)
        batch.close()
        await producer.send_batch(batch, changelog, partition=partition)
