"""What the coordinator answers to members that are unknown, late or wrong.

Error codes: https://kafka.apache.org/protocol#protocol_error_codes
"""

import asyncio
from typing import Any

import pytest
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)

from tests.contracts.kafka.clients import ask, eventually, unique
from tests.contracts.real_kafka import RealKafka

ILLEGAL_GENERATION = 22
INCONSISTENT_GROUP_PROTOCOL = 23
INVALID_GROUP_ID = 24
UNKNOWN_MEMBER_ID = 25
INVALID_SESSION_TIMEOUT = 26
REBALANCE_IN_PROGRESS = 27
MEMBER_ID_REQUIRED = 79
NOBODY = ""
SESSION_MS = 10_000


def join(group: str, member: str = NOBODY, **changes: Any) -> JoinGroupRequest:
    fields = {
        "group": group,
        "session_timeout": SESSION_MS,
        "rebalance_timeout": SESSION_MS,
        "member_id": member,
        "group_instance_id": None,
        # a type of its own: what members of type "consumer" say, Apache Kafka reads
        "protocol_type": "laws",
        "group_protocols": [("range", b"opaque")],
    }
    return JoinGroupRequest(**{**fields, **changes})


def sync(group: str, generation: int, member: str, *shares: tuple[str, bytes]) -> SyncGroupRequest:
    return SyncGroupRequest(group, generation, member, None, list(shares))


def commit(group: str, generation: int, member: str, topic: str) -> OffsetCommitRequest:
    return OffsetCommitRequest(group, generation, member, -1, [(topic, [(0, 5, "")])])


async def committed(broker: RealKafka, request: OffsetCommitRequest) -> int:
    answer = await ask(broker, request)
    ((_, ((_, error),)),) = answer.topics
    return int(error)


async def new_group(broker: RealKafka) -> str:
    """Return the name of a group whose coordinator is at work.

    The first of all groups makes a broker create the topic that holds the offsets.
    """
    group = unique("group")

    async def coordinated() -> bool:
        if (await ask(broker, FindCoordinatorRequest(group, 0))).error_code:
            return False
        beat = await ask(broker, HeartbeatRequest(group, 1, "stranger"))
        return bool(beat.error_code == UNKNOWN_MEMBER_ID)

    await eventually(coordinated, "the group has no coordinator")
    return group


async def joined(broker: RealKafka, group: str) -> tuple[str, int]:
    """Join as the only member; return its id and the generation, not yet synchronised."""
    first = await ask(broker, join(group))
    assert first.error_code == MEMBER_ID_REQUIRED
    answer = await ask(broker, join(group, first.member_id))
    assert answer.error_code == 0
    assert answer.leader_id == answer.member_id == first.member_id
    return answer.member_id, answer.generation_id


async def test_a_lone_member_joins_synchronises_beats_and_leaves(broker: RealKafka) -> None:
    group = await new_group(broker)
    member, generation = await joined(broker, group)
    share = await ask(broker, sync(group, generation, member, (member, b"all of it")))
    assert (share.error_code, share.member_assignment) == (0, b"all of it")
    assert (await ask(broker, HeartbeatRequest(group, generation, member))).error_code == 0
    assert (await ask(broker, LeaveGroupRequest(group, member))).error_code == 0
    beat = await ask(broker, HeartbeatRequest(group, generation, member))
    assert beat.error_code == UNKNOWN_MEMBER_ID


async def test_a_newcomer_waits_for_the_dead_until_somebody_tells_of_their_death(
    broker: RealKafka,
) -> None:
    group = await new_group(broker)
    dead, generation = await joined(broker, group)
    await ask(broker, sync(group, generation, dead, (dead, b"all of it")))
    newcomer = (await ask(broker, join(group))).member_id
    waiting = asyncio.create_task(ask(broker, join(group, newcomer)))

    async def rebalancing() -> bool:
        beat = await ask(broker, HeartbeatRequest(group, generation, dead))
        return bool(beat.error_code == REBALANCE_IN_PROGRESS)

    await eventually(rebalancing, "the group does not rebalance")
    assert not waiting.done()
    assert (await ask(broker, LeaveGroupRequest(group, dead))).error_code == 0
    answer = await waiting
    assert (answer.error_code, answer.generation_id) == (0, generation + 1)
    assert answer.leader_id == answer.member_id == newcomer
    assert [member_id for member_id, *_ in answer.members] == [newcomer]


@pytest.mark.parametrize(
    "request_of",
    [
        lambda group: join(group, "stranger"),
        lambda group: sync(group, 1, "stranger"),
        lambda group: HeartbeatRequest(group, 1, "stranger"),
        lambda group: LeaveGroupRequest(group, "stranger"),
    ],
)
async def test_a_stranger_is_told_so(broker: RealKafka, request_of: Any) -> None:
    known, unknown = await new_group(broker), await new_group(broker)
    await joined(broker, known)
    for group in (known, unknown):
        assert (await ask(broker, request_of(group))).error_code == UNKNOWN_MEMBER_ID


async def test_a_generation_that_is_over_is_told_so(broker: RealKafka, topic: str) -> None:
    group = await new_group(broker)
    member, generation = await joined(broker, group)
    await ask(broker, sync(group, generation, member, (member, b"")))
    for late in (
        HeartbeatRequest(group, generation - 1, member),
        sync(group, generation - 1, member),
    ):
        assert (await ask(broker, late)).error_code == ILLEGAL_GENERATION
    assert await committed(broker, commit(group, generation - 1, member, topic)) == (
        ILLEGAL_GENERATION
    )
    assert await committed(broker, commit(group, generation, "stranger", topic)) == (
        UNKNOWN_MEMBER_ID
    )
    assert await committed(broker, commit(group, generation, member, topic)) == 0


async def test_a_commit_before_synchronising_is_told_to_wait(broker: RealKafka, topic: str) -> None:
    group = await new_group(broker)
    member, generation = await joined(broker, group)
    assert await committed(broker, commit(group, generation, member, topic)) == (
        REBALANCE_IN_PROGRESS
    )


async def test_a_commit_without_membership_needs_an_empty_group(
    broker: RealKafka, topic: str
) -> None:
    group = await new_group(broker)
    assert await committed(broker, commit(group, -1, NOBODY, topic)) == 0
    member, generation = await joined(broker, group)
    await ask(broker, sync(group, generation, member, (member, b"")))
    assert await committed(broker, commit(group, -1, NOBODY, topic)) == UNKNOWN_MEMBER_ID


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"group": ""}, INVALID_GROUP_ID),
        ({"session_timeout": 1}, INVALID_SESSION_TIMEOUT),
        ({"session_timeout": 1 << 30}, INVALID_SESSION_TIMEOUT),
        ({"protocol_type": "connect"}, INCONSISTENT_GROUP_PROTOCOL),
        ({"group_protocols": [("sticky", b"")]}, INCONSISTENT_GROUP_PROTOCOL),
    ],
)
async def test_a_join_that_does_not_fit_is_refused(
    broker: RealKafka, changes: dict[str, Any], error: int
) -> None:
    group = await new_group(broker)
    await joined(broker, group)
    fits_not = {"group": group, **changes}
    answer = await ask(broker, join(**fits_not))
    # with a member id still to be given out, what fits is looked at on the second try
    if answer.error_code == MEMBER_ID_REQUIRED:
        answer = await ask(broker, join(member=answer.member_id, **fits_not))
    assert answer.error_code == error


async def test_what_members_say_to_each_other_passes_unchanged(broker: RealKafka) -> None:
    group, opaque = await new_group(broker), bytes(range(256))
    first = await ask(broker, join(group))
    answer = await ask(broker, join(group, first.member_id, group_protocols=[("own", opaque)]))
    assert answer.group_protocol == "own"
    ((member, *_, metadata),) = answer.members
    assert (member, metadata) == (first.member_id, opaque)
    share = await ask(broker, sync(group, answer.generation_id, member, (member, opaque)))
    assert share.member_assignment == opaque
