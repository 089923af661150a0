"""Rebalances: collecting the members of a group, giving them a generation, noticing losses.

`groups` decides which requests are legal; here is what follows from them, with the timers.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from .errors import Code
from .membership import Group, JoinResult, Member, State

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """Bounds on sessions (ms), and how long the first join of a group waits for more members."""

    min_session_ms: int
    max_session_ms: int
    initial_delay_ms: int


class Rebalancer:
    """Moves groups from generation to generation."""

    def __init__(self, limits: GroupLimits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms
        self.count = 0

    def add(self, group: Group, member: Member) -> None:
        """Take in a member and start a rebalance."""
        self.enrol(group, member)
        self.rebalance(group)

    def enrol(self, group: Group, member: Member) -> None:
        """Take in a member."""
        if not group.members:
            group.protocol_type = member.request.protocol_type
        group.members[member.member_id] = member
        if member.request.instance_id is not None:
            group.instances[member.request.instance_id] = member.member_id
        if not group.leader:
            group.leader = member.member_id

    def rebalance(self, group: Group) -> None:
        """Start collecting members, or see whether all are there."""
        if group.state is not State.PREPARING:
            for member in group.members.values():
                member.answer_sync(Code.REBALANCE_IN_PROGRESS)
            group.first_join = group.state is State.EMPTY
            group.state = State.PREPARING
            self.count += 1
            seconds = group.longest_rebalance_timeout()
            if group.first_join:
                seconds = min(self._limits.initial_delay_ms / 1e3, seconds)
            stop_timer(group.rebalance_timer)
            group.rebalance_timer = later(seconds, self._complete_join, group)
        if not group.first_join and group.everybody_joined():
            self._complete_join(group)

    def _complete_join(self, group: Group) -> None:
        stop_timer(group.rebalance_timer)
        group.rebalance_timer, group.first_join = None, False
        for member in list(group.members.values()):
            if member.joining is None and not member.is_static:
                self.drop(group, member)
        if group.members and all(m.joining is None for m in group.members.values()):
            # Static members only, and none is back yet: keep their places.
            group.rebalance_timer = later(
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
            self.touch(group, member)
        group.rebalance_timer = later(
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
                    self.drop(group, member)
            self.rebalance(group)

    def drop(self, group: Group, member: Member) -> None:
        """Remove a member, answering what it has parked."""
        stop_timer(member.expiry)
        member.answer_join(JoinResult(Code.UNKNOWN_MEMBER_ID, member.member_id))
        member.answer_sync(Code.UNKNOWN_MEMBER_ID)
        del group.members[member.member_id]
        instance_id = member.request.instance_id
        if instance_id is not None and group.instances.get(instance_id) == member.member_id:
            del group.instances[instance_id]
        if group.leader == member.member_id:
            group.leader = next(iter(group.members), "")

    def after_loss(self, group: Group) -> None:
        """Rebalance when a loss concerns those who are left."""
        if group.state in {State.STABLE, State.COMPLETING} or (
            group.state is State.PREPARING and not group.first_join
        ):
            self.rebalance(group)

    def await_join(self, group: Group, member_id: str, session_timeout_ms: int) -> None:
        """Remember an id that was given out until its client comes back with it (KIP-394)."""
        group.pending[member_id] = later(
            session_timeout_ms / 1e3, self.forget_pending, group, member_id
        )

    def forget_pending(self, group: Group, member_id: str) -> None:
        """Stop waiting for a client that was given an id."""
        stop_timer(group.pending.pop(member_id, None))
        self.after_loss(group)

    def _expire(self, group: Group, member: Member) -> None:
        if member.joining is not None or member.syncing is not None:
            return  # a parked member cannot send heartbeats; it is alive until it is answered
        _log.info("group %s: member %s is gone", group.group_id, member.member_id)
        self.drop(group, member)
        self.after_loss(group)

    def touch(self, group: Group, member: Member) -> None:
        """Give a member another session timeout."""
        stop_timer(member.expiry)
        member.expiry = later(member.request.session_timeout_ms / 1e3, self._expire, group, member)


def later(seconds: float, act: Callable[..., None], *args: object) -> asyncio.TimerHandle:
    """Call `act` after a while."""
    return asyncio.get_running_loop().call_later(seconds, act, *args)


def stop_timer(timer: asyncio.TimerHandle | None) -> None:
    """Stop a timer that may not be there."""
    if timer is not None:
        timer.cancel()
