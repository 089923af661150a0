"""The group coordinator: joining, syncing, heartbeats and leaving, with their timers.

The rules follow Apache Kafka's classic protocol (KIP-62, KIP-345 static members, KIP-394 known
member ids). Membership lives in memory only: after a restart every member is told
UNKNOWN_MEMBER_ID, joins again, and finds its committed offsets.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator

from .errors import Code, RefusedError, refuse
from .membership import Group, JoinRequest, JoinResult, Member, State
from .rebalance import GroupLimits, Rebalancer, stop_timer

__all__ = ["GroupLimits", "Groups"]


class Groups:
    """All consumer groups of the broker."""

    def __init__(self, limits: GroupLimits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms
        self._groups: dict[str, Group] = {}
        self._rebalancer = Rebalancer(limits, now_ms)

    @property
    def rebalances(self) -> int:
        """Rebalances that were started."""
        return self._rebalancer.count

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def find(self, group_id: str) -> Group | None:
        """Return the group of this name, if there is one."""
        return self._groups.get(group_id)

    def ensure(self, group_id: str) -> Group:
        """Return the group, making an empty one where there is none."""
        if group_id not in self._groups:
            self._groups[group_id] = Group(group_id, emptied_ms=self._now_ms())
        return self._groups[group_id]

    def remove(self, group_id: str) -> None:
        """Forget an empty group; raises `RefusedError` when it has members or is unknown."""
        group = self._groups.get(group_id)
        if group is None:
            raise RefusedError(Code.GROUP_ID_NOT_FOUND)
        if group.state is not State.EMPTY or group.pending:
            raise RefusedError(Code.NON_EMPTY_GROUP)
        group.state = State.DEAD
        del self._groups[group_id]

    def close(self) -> None:
        """Stop all timers and let go of every parked request."""
        for group in self:
            stop_timer(group.rebalance_timer)
            for timer in group.pending.values():
                timer.cancel()
            for member in group.members.values():
                stop_timer(member.expiry)
                member.answer_join(JoinResult(Code.COORDINATOR_NOT_AVAILABLE, member.member_id))
                member.answer_sync(Code.COORDINATOR_NOT_AVAILABLE)

    # -- join ----------------------------------------------------------------------------------

    def join(self, request: JoinRequest) -> asyncio.Future[JoinResult]:
        """Take part in the next generation; the answer comes when everybody is there."""
        answer: asyncio.Future[JoinResult] = asyncio.get_running_loop().create_future()
        try:
            self._join(request, answer)
        except RefusedError as refused:
            answer.set_result(JoinResult(refused.code, request.member_id))
        return answer

    def _join(self, request: JoinRequest, answer: asyncio.Future[JoinResult]) -> None:
        if not request.group_id:
            raise RefusedError(Code.INVALID_GROUP_ID)
        low, high = self._limits.min_session_ms, self._limits.max_session_ms
        if not low <= request.session_timeout_ms <= high:
            raise RefusedError(Code.INVALID_SESSION_TIMEOUT)
        group = self._groups.get(request.group_id)
        if group is None:
            if request.member_id:
                raise RefusedError(Code.UNKNOWN_MEMBER_ID)
            group = self.ensure(request.group_id)
        if not group.accepts(request):
            raise RefusedError(Code.INCONSISTENT_GROUP_PROTOCOL)
        if request.member_id:
            self._join_again(group, request, answer)
        elif request.instance_id is not None:
            self._join_static(group, request, request.instance_id, answer)
        else:
            self._join_dynamic(group, request, answer)

    def _join_dynamic(
        self, group: Group, request: JoinRequest, answer: asyncio.Future[JoinResult]
    ) -> None:
        member_id = f"{request.client_id}-{uuid.uuid4()}"
        if request.needs_known_id:
            # KIP-394: a client that times out here must not leave a member behind.
            self._rebalancer.await_join(group, member_id, request.session_timeout_ms)
            answer.set_result(JoinResult(Code.MEMBER_ID_REQUIRED, member_id))
        else:
            self._rebalancer.add(group, Member(member_id, request, joining=answer))

    def _join_static(
        self,
        group: Group,
        request: JoinRequest,
        instance_id: str,
        answer: asyncio.Future[JoinResult],
    ) -> None:
        member = Member(f"{instance_id}-{uuid.uuid4()}", request, joining=answer)
        old_id = group.instances.get(instance_id)
        if old_id is None:
            self._rebalancer.add(group, member)
            return
        old = group.members.pop(old_id)
        stop_timer(old.expiry)
        old.answer_join(JoinResult(Code.FENCED_INSTANCE_ID, old_id))
        old.answer_sync(Code.FENCED_INSTANCE_ID)
        was_leader = group.leader == old_id
        self._rebalancer.enrol(group, member)
        if was_leader:
            group.leader = member.member_id
        unchanged = old.metadata(group.protocol) == member.metadata(group.protocol)
        if group.state is State.STABLE and unchanged and group.chosen_protocol() == group.protocol:
            # It takes up its old assignment. An answer without members, naming the old leader,
            # keeps a returning leader from assigning anew (KIP-345).
            member.assignment = old.assignment
            leader = old_id if was_leader else group.leader
            member.answer_join(
                JoinResult(Code.NONE, member.member_id, group.generation, group.protocol, leader)
            )
            self._rebalancer.touch(group, member)
        else:
            self._rebalancer.rebalance(group)

    def _join_again(
        self, group: Group, request: JoinRequest, answer: asyncio.Future[JoinResult]
    ) -> None:
        timer = group.pending.pop(request.member_id, None)
        if timer is not None:
            timer.cancel()
            self._rebalancer.add(group, Member(request.member_id, request, joining=answer))
            return
        code = group.verdict(request.member_id, request.instance_id)
        if code is not Code.NONE:
            raise RefusedError(code)
        member = group.members[request.member_id]
        same = member.request.protocols == request.protocols
        is_leader = group.leader == member.member_id
        settled = group.state is State.COMPLETING or (group.state is State.STABLE and not is_leader)
        member.answer_join(JoinResult(Code.REBALANCE_IN_PROGRESS, member.member_id))
        member.request = request
        member.joining = answer
        if settled and same:
            # Its first answer was lost; joining again must not start a rebalance.
            member.answer_join(group.join_result(member))
            self._rebalancer.touch(group, member)
        else:
            self._rebalancer.rebalance(group)

    # -- sync, heartbeat, leave ----------------------------------------------------------------

    def sync(
        self,
        group_id: str,
        generation: int,
        member_id: str,
        instance_id: str | None,
        assignments: dict[str, bytes],
    ) -> asyncio.Future[tuple[Code, bytes]]:
        """Fetch a member's assignment, giving those of all members when it is the leader."""
        answer: asyncio.Future[tuple[Code, bytes]] = asyncio.get_running_loop().create_future()
        try:
            group, member = self._member(group_id, generation, member_id, instance_id)
            if group.state is State.PREPARING:
                refuse(Code.REBALANCE_IN_PROGRESS)
        except RefusedError as refused:
            answer.set_result((refused.code, b""))
            return answer
        member.answer_sync(Code.REBALANCE_IN_PROGRESS)
        member.syncing = answer
        self._rebalancer.touch(group, member)
        if group.state is State.COMPLETING and member_id == group.leader:
            stop_timer(group.rebalance_timer)
            group.state = State.STABLE
            for each in group.members.values():
                each.assignment = assignments.get(each.member_id, b"")
                each.answer_sync(Code.NONE, each.assignment)
                self._rebalancer.touch(group, each)
        elif group.state is State.STABLE:
            member.answer_sync(Code.NONE, member.assignment)
        return answer

    def heartbeat(
        self, group_id: str, generation: int, member_id: str, instance_id: str | None
    ) -> Code:
        """Keep a member alive; REBALANCE_IN_PROGRESS tells it to join again."""
        try:
            group, member = self._member(group_id, generation, member_id, instance_id)
        except RefusedError as refused:
            return refused.code
        self._rebalancer.touch(group, member)
        return Code.REBALANCE_IN_PROGRESS if group.state is State.PREPARING else Code.NONE

    def leave(self, group_id: str, member_id: str, instance_id: str | None) -> Code:
        """Remove a member, named by its id or (administrators) by its instance."""
        group = self._groups.get(group_id)
        if group is None:
            return Code.UNKNOWN_MEMBER_ID
        if member_id in group.pending:
            self._rebalancer.forget_pending(group, member_id)
            return Code.NONE
        if instance_id is not None and not member_id:
            member_id = group.instances.get(instance_id, "")
        code = group.verdict(member_id, instance_id)
        if code is Code.NONE:
            self._rebalancer.drop(group, group.members[member_id])
            self._rebalancer.after_loss(group)
        return code

    def check_commit(
        self, group_id: str, generation: int, member_id: str, instance_id: str | None
    ) -> None:
        """Raise `RefusedError` when these offsets are not this client's to commit."""
        if not group_id:
            raise RefusedError(Code.INVALID_GROUP_ID)
        group = self._groups.get(group_id)
        if group is None:
            if generation >= 0:
                raise RefusedError(Code.ILLEGAL_GENERATION)
            group = self.ensure(group_id)
        if generation < 0 and group.state is State.EMPTY:
            return  # an administrator, or a consumer that assigns its partitions itself
        code = group.verdict(member_id, instance_id)
        if code is not Code.NONE:
            raise RefusedError(code)
        if generation != group.generation:
            raise RefusedError(Code.ILLEGAL_GENERATION)
        if group.state is State.COMPLETING:
            raise RefusedError(Code.REBALANCE_IN_PROGRESS)
        self._rebalancer.touch(group, group.members[member_id])

    def _member(
        self, group_id: str, generation: int, member_id: str, instance_id: str | None
    ) -> tuple[Group, Member]:
        group = self._groups.get(group_id)
        if group is None:
            raise RefusedError(Code.UNKNOWN_MEMBER_ID)
        code = group.verdict(member_id, instance_id)
        if code is not Code.NONE:
            raise RefusedError(code)
        if generation != group.generation:
            raise RefusedError(Code.ILLEGAL_GENERATION)
        return group, group.members[member_id]
