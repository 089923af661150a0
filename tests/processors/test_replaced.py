"""A killed worker's successor has its partitions though the group would wait for the dead."""

from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol

from schemas.topics import Topics
from tests.processors.worker import WorkerProcess
from tests.processors.world import Reader, Tracker, line

pytestmark = pytest.mark.faults

SESSION_SECONDS = 600.0
"""Longer than anybody waits here: who is not declared dead keeps its partitions."""
VISITORS = 20


async def shares(kafka: str, topics: Topics) -> dict[str, list[int]]:
    """The partitions of a source's events by member of the group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([f"{topics.prefix}-processors"])
    finally:
        await admin.close()
    ((_, _, state, _, _, members, *_),) = answer.groups
    assert state == "Stable"
    raw = topics.raw("shop").name
    return {
        member_id: sorted(dict(ConsumerProtocol.ASSIGNMENT.decode(assignment).assignment)[raw])
        for member_id, _, _, _, assignment in members
    }


async def test_the_successor_of_the_killed_has_its_partitions_at_once(
    kafka: str, topics: Topics, tracker: Tracker, reader: Reader, tmp_path: Path
) -> None:
    """Alone in its group, and beside one that keeps what it has."""

    def start(port: int) -> WorkerProcess:
        return WorkerProcess(kafka, topics, port, tmp_path, "rocksdb", SESSION_SECONDS)

    one = two = start(6066)
    try:
        await one.ready()
        one.kill()
        one = start(6066)
        await one.ready()
        two = start(6067)
        await two.ready()
        before = await shares(kafka, topics)
        two.kill()
        two = start(6067)
        await two.ready()
        after = await shares(kafka, topics)
        (survivor,) = before.keys() & after.keys()
        assert after[survivor] == before[survivor]
        assert sorted(after.values()) == sorted(before.values())
        for number in range(VISITORS):
            await tracker.post(f"v{number}", line(f"v{number}", number=number))
        await reader.until(lambda: set(reader.numbers()) == set(range(VISITORS)))
    finally:
        one.kill()
        two.kill()
