"""A consumer group as a value: its members, generation and choice of protocol.

No clock and no I/O here; `groups` decides when things happen.
Protocol: https://cwiki.apache.org/confluence/display/KAFKA/Kafka+Client-side+Assignment+Proposal
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from .errors import Code

NO_GENERATION = -1


class State(Enum):
    """Where a group is; the values are what DescribeGroups answers."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a client says when it joins; timeouts in ms, `protocols` is [(name, metadata)]."""

    group_id: str
    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]
    needs_known_id: bool


@dataclass(frozen=True, slots=True)
class JoinResult:
    """The answer to a join; only the leader gets `members` [(id, instance, metadata)]."""

    code: Code
    member_id: str
    generation: int = NO_GENERATION
    protocol: str = ""
    leader: str = ""
    members: tuple[tuple[str, str | None, bytes], ...] = ()


@dataclass(slots=True)
class Member:
    """One member; a future is set while its request is parked."""

    member_id: str
    request: JoinRequest
    assignment: bytes = b""
    joining: asyncio.Future[JoinResult] | None = None
    syncing: asyncio.Future[tuple[Code, bytes]] | None = None
    expiry: asyncio.TimerHandle | None = None

    @property
    def is_static(self) -> bool:
        """Whether it keeps its place over restarts (group.instance.id)."""
        return self.request.instance_id is not None

    @property
    def protocol_names(self) -> set[str]:
        """Names of the protocols it can use."""
        return {name for name, _ in self.request.protocols}

    def metadata(self, protocol: str) -> bytes:
        """Return its metadata for a protocol; empty when it does not have that one."""
        return dict(self.request.protocols).get(protocol, b"")

    def answer_join(self, result: JoinResult) -> None:
        """Answer the parked join, if there is one that still wants an answer."""
        if self.joining is not None and not self.joining.done():
            self.joining.set_result(result)
        self.joining = None

    def answer_sync(self, code: Code, assignment: bytes = b"") -> None:
        """Answer the parked sync, if there is one that still wants an answer."""
        if self.syncing is not None and not self.syncing.done():
            self.syncing.set_result((code, assignment))
        self.syncing = None


@dataclass(slots=True, eq=False)
class Group:
    """One group; `emptied_ms` is when its last member left (for expiring its offsets)."""

    group_id: str
    emptied_ms: int
    state: State = State.EMPTY
    generation: int = 0
    protocol_type: str = ""
    protocol: str = ""
    leader: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    pending: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    rebalance_timer: asyncio.TimerHandle | None = None
    first_join: bool = False

    def accepts(self, request: JoinRequest) -> bool:
        """Whether the group and the newcomer have a protocol in common."""
        if not request.protocol_type or not request.protocols:
            return False
        if not self.members:
            return True
        names = {name for name, _ in request.protocols}
        common = self.common_protocols(besides=request.member_id)
        return self.protocol_type == request.protocol_type and (
            common is None or bool(names & common)
        )

    def common_protocols(self, besides: str = "") -> set[str] | None:
        """Return the protocols that all members have; None when there is no member."""
        sets = [m.protocol_names for m in self.members.values() if m.member_id != besides]
        return set.intersection(*sets) if sets else None

    def chosen_protocol(self) -> str:
        """Let each member vote for its first protocol that all have; most votes win."""
        common = self.common_protocols() or set()
        votes = Counter(
            next(name for name, _ in member.request.protocols if name in common)
            for member in self.members.values()
        )
        return votes.most_common(1)[0][0]

    def everybody_joined(self) -> bool:
        """Whether the rebalance has nobody to wait for."""
        return not self.pending and all(m.joining is not None for m in self.members.values())

    def verdict(self, member_id: str, instance_id: str | None) -> Code:
        """Judge who somebody claims to be: NONE, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID."""
        if instance_id is not None:
            current = self.instances.get(instance_id)
            if current is None:
                return Code.UNKNOWN_MEMBER_ID
            if current != member_id:
                return Code.FENCED_INSTANCE_ID
        return Code.NONE if member_id in self.members else Code.UNKNOWN_MEMBER_ID

    def join_result(self, member: Member) -> JoinResult:
        """Describe the current generation to one member."""
        members: tuple[tuple[str, str | None, bytes], ...] = ()
        if member.member_id == self.leader:
            members = tuple(
                (m.member_id, m.request.instance_id, m.metadata(self.protocol))
                for m in self.members.values()
            )
        return JoinResult(
            Code.NONE, member.member_id, self.generation, self.protocol, self.leader, members
        )

    def subscribed_to(self, member: Member) -> bytes:
        """Return the metadata DescribeGroups shows for a member."""
        return member.metadata(self.protocol) if self.state is State.STABLE else b""

    def longest_rebalance_timeout(self) -> float:
        """Return how long to wait for members to come back, in seconds."""
        return max((m.request.rebalance_timeout_ms for m in self.members.values()), default=0) / 1e3
