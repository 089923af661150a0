"""The group state machine, driven directly; times are real but short."""

import asyncio
from dataclasses import replace
from typing import TypeVar

import pytest

from deploy.local.broker.errors import Code, RefusedError
from deploy.local.broker.groups import GroupLimits, Groups
from deploy.local.broker.membership import JoinRequest, JoinResult, State
from tests.deploy.broker.building import until

_T = TypeVar("_T")
LIMITS = GroupLimits(min_session_ms=10, max_session_ms=60_000, initial_delay_ms=1)
JOIN = JoinRequest(
    group_id="g",
    member_id="",
    instance_id=None,
    client_id="client",
    client_host="here",
    session_timeout_ms=10_000,
    rebalance_timeout_ms=10_000,
    protocol_type="consumer",
    protocols=(("range", b"topics"),),
    needs_known_id=False,
)


@pytest.fixture
def groups() -> Groups:
    return Groups(LIMITS, lambda: 0)


async def _within(answer: asyncio.Future[_T]) -> _T:
    return await asyncio.wait_for(answer, 5)


async def _stable(groups: Groups, *joins: JoinRequest) -> list[JoinResult]:
    """Bring members through join and sync; each is assigned its own id as bytes."""
    results = [groups.join(join) for join in joins]
    joined = [await _within(result) for result in results]
    assert {result.code for result in joined} == {Code.NONE}
    plan = {result.member_id: result.member_id.encode() for result in joined}
    syncs = [groups.sync("g", r.generation, r.member_id, None, {}) for r in joined if not r.members]
    leader = next(result for result in joined if result.members)
    syncs.append(groups.sync("g", leader.generation, leader.member_id, None, plan))
    for sync in syncs:
        assert (await _within(sync))[0] is Code.NONE
    return joined


def _beat(groups: Groups, member: JoinResult) -> Code:
    return groups.heartbeat("g", member.generation, member.member_id, None)


async def test_the_first_join_waits_for_more_members(groups: Groups) -> None:
    first, second = await _stable(groups, JOIN, JOIN)
    assert first.generation == second.generation == 1
    assert first.leader == second.leader == first.member_id
    assert len(first.members) == 2
    assert second.members == ()
    assert _beat(groups, second) is Code.NONE


async def test_each_member_gets_what_the_leader_gave_it(groups: Groups) -> None:
    members = await _stable(groups, JOIN, JOIN)
    for member in members:
        again = groups.sync("g", 1, member.member_id, None, {})
        assert await _within(again) == (Code.NONE, member.member_id.encode())


async def test_a_newcomer_makes_everybody_join_again(groups: Groups) -> None:
    old, *_ = await _stable(groups, JOIN)
    newcomer = groups.join(JOIN)
    assert _beat(groups, old) is Code.REBALANCE_IN_PROGRESS
    assert not newcomer.done()
    back = groups.join(replace(JOIN, member_id=old.member_id))
    assert (await _within(back)).generation == (await _within(newcomer)).generation == 2
    assert _beat(groups, old) is Code.ILLEGAL_GENERATION


async def test_who_does_not_come_back_is_left_out(groups: Groups) -> None:
    lost, *_ = await _stable(groups, replace(JOIN, rebalance_timeout_ms=30))
    newcomer = await _within(groups.join(replace(JOIN, rebalance_timeout_ms=30)))
    assert [member for member, _, _ in newcomer.members] == [newcomer.member_id]
    assert _beat(groups, lost) is Code.UNKNOWN_MEMBER_ID


async def test_silence_ends_a_membership(groups: Groups) -> None:
    await _stable(groups, replace(JOIN, session_timeout_ms=20))
    group = groups.ensure("g")
    await until(lambda: group.state is State.EMPTY)
    assert group.generation == 2


async def test_a_parked_join_is_not_silence(groups: Groups) -> None:
    await _stable(groups, JOIN)
    newcomer = groups.join(replace(JOIN, session_timeout_ms=10))
    await asyncio.wait([newcomer], timeout=0.05)
    assert not newcomer.done()
    assert len(groups.ensure("g").members) == 2
    groups.close()
    assert (await _within(newcomer)).code is Code.COORDINATOR_NOT_AVAILABLE


async def test_a_client_must_come_back_with_its_id(groups: Groups) -> None:
    asking = replace(JOIN, needs_known_id=True)
    given = await _within(groups.join(asking))
    assert given.code is Code.MEMBER_ID_REQUIRED
    assert groups.ensure("g").members == {}
    joined = await _within(groups.join(replace(asking, member_id=given.member_id)))
    assert (joined.code, joined.member_id) == (Code.NONE, given.member_id)


async def test_an_id_nobody_uses_does_not_hold_up_a_rebalance(groups: Groups) -> None:
    old, *_ = await _stable(groups, JOIN)
    await _within(groups.join(replace(JOIN, needs_known_id=True, session_timeout_ms=20)))
    newcomer = groups.join(JOIN)
    back = groups.join(replace(JOIN, member_id=old.member_id))
    assert not newcomer.done()
    assert (await _within(newcomer)).generation == (await _within(back)).generation == 2


async def test_joining_again_with_the_same_metadata_changes_nothing(groups: Groups) -> None:
    _, follower = await _stable(groups, JOIN, JOIN)
    again = await _within(groups.join(replace(JOIN, member_id=follower.member_id)))
    assert again.generation == follower.generation
    assert groups.ensure("g").state is State.STABLE


async def test_the_leader_joining_again_means_a_rebalance(groups: Groups) -> None:
    leader, follower = await _stable(groups, JOIN, JOIN)
    again = groups.join(replace(JOIN, member_id=leader.member_id))
    assert _beat(groups, follower) is Code.REBALANCE_IN_PROGRESS
    groups.join(replace(JOIN, member_id=follower.member_id))
    assert (await _within(again)).generation == 2


async def test_a_static_member_takes_its_place_back_without_a_rebalance(groups: Groups) -> None:
    static = replace(JOIN, instance_id="one")
    before, other = await _stable(groups, static, JOIN)
    back = await _within(groups.join(static))
    assert back.generation == before.generation
    assert back.member_id != before.member_id
    assert back.members == (), "a returning leader must not assign anew"
    code, assignment = await _within(groups.sync("g", 1, back.member_id, "one", {}))
    assert (code, assignment) == (Code.NONE, before.member_id.encode())
    assert groups.heartbeat("g", 1, before.member_id, "one") is Code.FENCED_INSTANCE_ID
    assert _beat(groups, other) is Code.NONE


async def test_a_static_member_with_other_topics_means_a_rebalance(groups: Groups) -> None:
    static = replace(JOIN, instance_id="one")
    _, other = await _stable(groups, static, JOIN)
    back = groups.join(replace(static, protocols=(("range", b"other topics"),)))
    assert _beat(groups, other) is Code.REBALANCE_IN_PROGRESS
    groups.join(replace(JOIN, member_id=other.member_id))
    assert (await _within(back)).generation == 2


async def test_leaving(groups: Groups) -> None:
    first, second = await _stable(groups, JOIN, replace(JOIN, instance_id="two"))
    assert groups.leave("g", "", "two") is Code.NONE
    assert groups.leave("g", second.member_id, None) is Code.UNKNOWN_MEMBER_ID
    assert _beat(groups, first) is Code.REBALANCE_IN_PROGRESS
    assert groups.leave("g", first.member_id, None) is Code.NONE
    assert groups.ensure("g").state is State.EMPTY
    groups.remove("g")
    assert groups.find("g") is None


async def test_a_parked_sync_is_told_when_the_rebalance_starts_over(groups: Groups) -> None:
    results = [groups.join(JOIN), groups.join(JOIN)]
    leader, follower = [await _within(result) for result in results]
    parked = groups.sync("g", 1, follower.member_id, None, {})
    groups.leave("g", leader.member_id, None)
    assert (await _within(parked))[0] is Code.REBALANCE_IN_PROGRESS


async def test_who_joins_but_never_syncs_is_left_out(groups: Groups) -> None:
    hurried = replace(JOIN, rebalance_timeout_ms=30)
    results = [groups.join(hurried), groups.join(hurried)]
    leader, follower = [await _within(result) for result in results]
    parked = groups.sync("g", 1, follower.member_id, None, {})
    assert (await _within(parked))[0] is Code.REBALANCE_IN_PROGRESS
    assert _beat(groups, leader) is Code.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"group_id": ""}, Code.INVALID_GROUP_ID),
        ({"session_timeout_ms": 1}, Code.INVALID_SESSION_TIMEOUT),
        ({"session_timeout_ms": 10**9}, Code.INVALID_SESSION_TIMEOUT),
        ({"member_id": "nobody"}, Code.UNKNOWN_MEMBER_ID),
        ({"protocols": ()}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocols": (("other", b""),)}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_type": "connect"}, Code.INCONSISTENT_GROUP_PROTOCOL),
    ],
)
async def test_joins_that_are_refused(groups: Groups, change: dict[str, str], code: Code) -> None:
    await _stable(groups, JOIN)
    assert (await _within(groups.join(replace(JOIN, **change)))).code is code  # type: ignore[arg-type]


async def test_the_protocol_most_members_like_best_is_chosen(groups: Groups) -> None:
    likes_b = replace(JOIN, protocols=(("b", b""), ("a", b"")))
    likes_a = replace(JOIN, protocols=(("a", b""), ("b", b""), ("c", b"")))
    results = [groups.join(each) for each in (likes_a, likes_b, likes_b)]
    assert {(await _within(result)).protocol for result in results} == {"b"}


async def test_who_may_commit(groups: Groups) -> None:
    groups.check_commit("alone", -1, "", None)
    with pytest.raises(RefusedError) as refused:
        groups.check_commit("new", 3, "member", None)
    assert refused.value.code is Code.ILLEGAL_GENERATION
    member, *_ = await _stable(groups, JOIN)
    groups.check_commit("g", 1, member.member_id, None)
    for generation, member_id, code in [
        (1, "nobody", Code.UNKNOWN_MEMBER_ID),
        (0, member.member_id, Code.ILLEGAL_GENERATION),
        (-1, "", Code.UNKNOWN_MEMBER_ID),
    ]:
        with pytest.raises(RefusedError) as refused:
            groups.check_commit("g", generation, member_id, None)
        assert refused.value.code is code
    with pytest.raises(RefusedError) as refused:
        groups.remove("g")
    assert refused.value.code is Code.NON_EMPTY_GROUP


async def test_no_commit_between_join_and_sync(groups: Groups) -> None:
    joined = await _within(groups.join(JOIN))
    with pytest.raises(RefusedError) as refused:
        groups.check_commit("g", 1, joined.member_id, None)
    assert refused.value.code is Code.REBALANCE_IN_PROGRESS
