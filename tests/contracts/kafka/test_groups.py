"""Consumer groups: shared work, members that come, leave, die and come back."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from tests.contracts.kafka.clients import (
    administering,
    consuming,
    create_topic,
    eventually,
    producing,
    read,
    send_values,
    unique,
)
from tests.contracts.leash import Leashed
from tests.contracts.real_kafka import RealKafka

PARTITIONS = 4
REBALANCE_SECONDS = 20.0
SHORT_SESSION = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 200}


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Counts how often the partitions were taken away."""

    def __init__(self) -> None:
        self.revoked = 0

    async def on_partitions_revoked(self, _: Iterable[TopicPartition]) -> None:
        self.revoked += 1

    async def on_partitions_assigned(self, _: Iterable[TopicPartition]) -> None:
        pass


def owned(*consumers: AIOKafkaConsumer) -> list[int]:
    return sorted(each.partition for consumer in consumers for each in consumer.assignment())


async def all_are_owned(*consumers: AIOKafkaConsumer) -> None:
    """Wait until the members share all partitions, each with at least one."""

    async def shared() -> bool:
        return all(map(owned, consumers)) and owned(*consumers) == list(range(PARTITIONS))

    await eventually(
        shared, lambda: f"owned: {[owned(each) for each in consumers]}", REBALANCE_SECONDS
    )


async def test_two_members_share_and_one_takes_over_when_the_other_leaves(
    broker: RealKafka,
) -> None:
    topic, group = await create_topic(broker, partitions=PARTITIONS), unique("group")
    async with consuming(broker, topic, group_id=group, **SHORT_SESSION) as first:
        async with consuming(broker, topic, group_id=group, **SHORT_SESSION) as second:
            await all_are_owned(first, second)
            async with producing(broker) as producer:
                for number in range(40):
                    await producer.send_and_wait(topic, b"%d" % number, partition=number % 4)
            seen = [
                *await read(first, 10 * len(owned(first))),
                *await read(second, 10 * len(owned(second))),
            ]
            assert sorted(int(record.value) for record in seen) == list(range(40))
        await asyncio.wait_for(all_are_owned(first), SHORT_SESSION["session_timeout_ms"] / 2000)


async def test_a_killed_member_is_replaced_when_its_session_ends(
    broker: RealKafka, tmp_path: Path
) -> None:
    topic, group = await create_topic(broker, partitions=PARTITIONS), unique("group")
    # as short as a broker allows by default; those that we start allow less
    session = 1500 if broker.tuned else SHORT_SESSION["session_timeout_ms"]
    options = {"session_timeout_ms": session, "heartbeat_interval_ms": 200}
    log = tmp_path / "member.log"
    member = "tests.contracts.kafka.member"
    doomed = Leashed(
        [sys.executable, "-m", member, broker.address, topic, group, str(session)], log
    )
    try:
        async with consuming(broker, topic, group_id=group, **options) as survivor:

            async def joined() -> bool:
                return len(owned(survivor)) == 2 and log.read_text().endswith("owns 2\n")

            await eventually(joined, lambda: f"the members do not share:\n{doomed.tail()}")
            doomed.kill()
            await all_are_owned(survivor)
    finally:
        doomed.kill()


async def test_a_static_member_comes_back_without_a_rebalance(broker: RealKafka) -> None:
    topic, group = await create_topic(broker, partitions=PARTITIONS), unique("group")
    rebalances = Rebalances()
    async with consuming(
        broker, group_id=group, group_instance_id="stays", **SHORT_SESSION
    ) as stays:
        stays.subscribe([topic], listener=rebalances)
        away = {"group_id": group, "group_instance_id": "away", **SHORT_SESSION}
        async with consuming(broker, topic, **away) as other:
            await all_are_owned(stays, other)
            before, revoked = owned(other), rebalances.revoked
        async with consuming(broker, topic, **away) as again:
            await all_are_owned(stays, again)
            assert owned(again) == before
            await send_values(broker, topic, b"for it", partition=before[0])
            await read(again, 1)
        assert rebalances.revoked == revoked


async def test_a_group_goes_on_where_it_committed(broker: RealKafka, topic: str) -> None:
    group, at = unique("group"), TopicPartition(topic, 0)
    await send_values(broker, topic, *[b"%d" % each for each in range(10)])
    async with consuming(broker, topic, group_id=group) as consumer:
        assert await consumer.committed(at) is None
        await read(consumer, 4)
        await consumer.commit()
        await read(consumer, 3)
    async with consuming(broker, topic, group_id=group) as consumer:
        assert await consumer.committed(at) == 4
        assert [record.offset for record in await read(consumer, 6)] == [4, 5, 6, 7, 8, 9]
        await consumer.commit({at: OffsetAndMetadata(2, "a note")})
    async with administering(broker) as admin:
        offsets = await admin.list_consumer_group_offsets(group)
    assert offsets == {at: OffsetAndMetadata(2, "a note")}


async def test_groups_do_not_share_offsets(broker: RealKafka, topic: str) -> None:
    await send_values(broker, topic, b"a", b"b")
    for _ in range(2):
        async with consuming(broker, topic, group_id=unique("group")) as consumer:
            await read(consumer, 2)
            await consumer.commit()


async def test_a_group_is_listed_and_described_with_its_lag(broker: RealKafka, topic: str) -> None:
    group, at = unique("group"), TopicPartition(topic, 0)
    await send_values(broker, topic, *[b"x"] * 10)
    async with (
        administering(broker) as admin,
        consuming(broker, topic, group_id=group, client_id="reader") as consumer,
    ):
        await read(consumer, 7)
        await consumer.commit()
        assert (group, "consumer") in [tuple(each) for each in await admin.list_consumer_groups()]
        (answer,) = await admin.describe_consumer_groups([group])
        ((error, name, state, kind, _, members, *_),) = answer.groups
        assert (error, name, state, kind) == (0, group, "Stable", "consumer")
        ((_, client, *_),) = members
        assert client == "reader"
        committed = (await admin.list_consumer_group_offsets(group))[at].offset
        assert (await consumer.end_offsets([at]))[at] - committed == 3


@pytest.mark.parametrize("gone", [True, False])
async def test_a_group_without_members_is_empty_and_an_unknown_one_dead(
    broker: RealKafka, topic: str, *, gone: bool
) -> None:
    group = unique("group")
    if not gone:
        await send_values(broker, topic, b"x")
        async with consuming(broker, topic, group_id=group) as consumer:
            await read(consumer, 1)
            await consumer.commit()
    async with administering(broker) as admin:
        (answer,) = await admin.describe_consumer_groups([group])
    ((error, _, state, *_),) = answer.groups
    assert (error, state) == (0, "Dead" if gone else "Empty")
