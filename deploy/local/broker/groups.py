"""The group coordinator: joining, syncing, heartbeats and leaving, with their timers.

The rules follow Apache Kafka's classic protocol (KIP-62, KIP-345 static members, KIP-394 known
member ids). Membership lives in memory only: after a restart every member is told
UNKNOWN_MEMBER_ID, joins again, and finds its committed offsets.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import Code, RefusedError
from .membership import Group, JoinRequest, JoinResult, Member, State

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """Bounds on sessions (ms), and how long the first join of a group waits for more members."""

    min_session_ms: int
    max_session_ms: int
    initial_delay_ms: int


class Groups:
    """All consumer groups of the broker."""

    def __init__(self, limits: GroupLimits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms
        self._groups: dict[str, Group] = {}
        self.rebalances = 0

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
            self._stop(group.rebalance_timer)
            for timer in group.pending.values():
                timer.cancel()
            for member in group.members.values():
                self._stop(member.expiry)
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
            group.pending[member_id] = self._later(
                request.session_timeout_ms / 1e3, self._expire_pending, group, member_id
            )
            answer.set_result(JoinResult(Code.MEMBER_ID_REQUIRED, member_id))
        else:
            self._add(group, Member(member_id, request, joining=answer))

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
            self._add(group, member)
            return
        old = group.members.pop(old_id)
        self._stop(old.expiry)
        old.answer_join(JoinResult(Code.FENCED_INSTANCE_ID, old_id))
        old.answer_sync(Code.FENCED_INSTANCE_ID)
        was_leader = group.leader == old_id
        self._enrol(group, member)
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
            self._touch(group, member)
        else:
            self._rebalance(group)

    def _join_again(
        self, group: Group, request: JoinRequest, answer: asyncio.Future[JoinResult]
    ) -> None:
        timer = group.pending.pop(request.member_id, None)
        if timer is not None:
            timer.cancel()
            self._add(group, Member(request.member_id, request, joining=answer))
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
            self._touch(group, member)
        else:
            self._rebalance(group)

    def _add(self, group: Group, member: Member) -> None:
        self._enrol(group, member)
        self._rebalance(group)

    def _enrol(self, group: Group, member: Member) -> None:
        if not group.members:
            group.protocol_type = member.request.protocol_type
        group.members[member.member_id] = member
        if member.request.instance_id is not None:
            group.instances[member.request.instance_id] = member.member_id
        if not group.leader:
            group.leader = member.member_id

    # -- rebalance -----------------------------------------------------------------------------

    def _rebalance(self, group: Group) -> None:
        if group.state is not State.PREPARING:
            for member in group.members.values():
                member.answer_sync(Code.REBALANCE_IN_PROGRESS)
            group.first_join = group.state is State.EMPTY
            group.state = State.PREPARING
            self.rebalances += 1
            seconds = group.longest_rebalance_timeout()
            if group.first_join:
                seconds = min(self._limits.initial_delay_ms / 1e3, seconds)
            self._stop(group.rebalance_timer)
            group.rebalance_timer = self._later(seconds, self._complete_join, group)
        if not group.first_join and group.everybody_joined():
            self._complete_join(group)

    def _complete_join(self, group: Group) -> None:
        self._stop(group.rebalance_timer)
        group.rebalance_timer, group.first_join = None, False
        for member in list(group.members.values()):
            if member.joining is None and not member.is_static:
                self._drop(group, member)
        if group.members and all(m.joining is None for m in group.members.values()):
            # Static members only, and none is back yet: keep their places.
            group.rebalance_timer = self._later(
                group.longest_rebalance_timeout(), self._complete_join, group
            )
            return
        group.generation += 1
        if not group.members:
            self._become_empty(group)
            return
        self._choose_leader(group)
        group.protocol = group.chosen_protocol()
        group.state = State.COMPLETING
        for member in group.members.values():
            member.assignment = b""
            member.answer_join(group.join_result(member))
            self._touch(group, member)
        group.rebalance_timer = self._later(
            group.longest_rebalance_timeout(), self._expire_sync, group, group.generation
        )

    def _choose_leader(self, group: Group) -> None:
        leader = group.members.get(group.leader)
        if leader is None or leader.joining is None:
            group.leader = next(m.member_id for m in group.members.values() if m.joining)

    def _become_empty(self, group: Group) -> None:
        group.state = State.EMPTY
        group.protocol, group.leader = "", ""
        group.emptied_ms = self._now_ms()

    def _expire_sync(self, group: Group, generation: int) -> None:
        if group.state is State.COMPLETING and group.generation == generation:
            for member in list(group.members.values()):
                if member.syncing is None:
                    self._drop(group, member)
            self._rebalance(group)

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
                raise RefusedError(Code.REBALANCE_IN_PROGRESS)
        except RefusedError as refused:
            answer.set_result((refused.code, b""))
            return answer
        member.answer_sync(Code.REBALANCE_IN_PROGRESS)
        member.syncing = answer
        self._touch(group, member)
        if group.state is State.COMPLETING and member_id == group.leader:
            self._stop(group.rebalance_timer)
            group.state = State.STABLE
            for each in group.members.values():
                each.assignment = assignments.get(each.member_id, b"")
                each.answer_sync(Code.NONE, each.assignment)
                self._touch(group, each)
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
        self._touch(group, member)
        return Code.REBALANCE_IN_PROGRESS if group.state is State.PREPARING else Code.NONE

    def leave(self, group_id: str, member_id: str, instance_id: str | None) -> Code:
        """Remove a member, named by its id or (administrators) by its instance."""
        group = self._groups.get(group_id)
        if group is None:
            return Code.UNKNOWN_MEMBER_ID
        timer = group.pending.pop(member_id, None)
        if timer is not None:
            timer.cancel()
            self._after_loss(group)
            return Code.NONE
        if instance_id is not None and not member_id:
            member_id = group.instances.get(instance_id, "")
        code = group.verdict(member_id, instance_id)
        if code is Code.NONE:
            self._drop(group, group.members[member_id])
            self._after_loss(group)
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
        self._touch(group, group.members[member_id])

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

    # -- losing members ------------------------------------------------------------------------

    def _drop(self, group: Group, member: Member) -> None:
        self._stop(member.expiry)
        member.answer_join(JoinResult(Code.UNKNOWN_MEMBER_ID, member.member_id))
        member.answer_sync(Code.UNKNOWN_MEMBER_ID)
        del group.members[member.member_id]
        instance_id = member.request.instance_id
        if instance_id is not None and group.instances.get(instance_id) == member.member_id:
            del group.instances[instance_id]
        if group.leader == member.member_id:
            group.leader = next(iter(group.members), "")

    def _after_loss(self, group: Group) -> None:
        if group.state in {State.STABLE, State.COMPLETING} or (
            group.state is State.PREPARING and not group.first_join
        ):
            self._rebalance(group)

    def _expire_pending(self, group: Group, member_id: str) -> None:
        group.pending.pop(member_id, None)
        self._after_loss(group)

    def _expire(self, group: Group, member: Member) -> None:
        if member.joining is not None or member.syncing is not None:
            return  # a parked member cannot send heartbeats; it is alive until it is answered
        _log.info("group %s: member %s is gone", group.group_id, member.member_id)
        self._drop(group, member)
        self._after_loss(group)

    def _touch(self, group: Group, member: Member) -> None:
        self._stop(member.expiry)
        member.expiry = self._later(
            member.request.session_timeout_ms / 1e3, self._expire, group, member
        )

    @staticmethod
    def _later(seconds: float, act: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, act, *args)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
