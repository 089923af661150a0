"""The group APIs: join, sync, heartbeat, leave, describe, list, delete, find the coordinator."""

from typing import Any

from .errors import Code, RefusedError
from .membership import Group, JoinRequest, State
from .messages import (
    DeleteGroupsResponse,
    DescribeGroupsResponse,
    FindCoordinatorResponse,
    HeartbeatResponse,
    JoinGroupResponse,
    LeaveGroupResponse,
    ListGroupsResponse,
    SyncGroupResponse,
)
from .state import NODE_ID, BrokerState, Call

_GROUP_COORDINATOR = 0
_FIRST_WITH_KNOWN_IDS = 4  # KIP-394
_FIRST_WITH_REBALANCE_TIMEOUT = 1
_FIRST_WITH_MEMBER_LIST = 3


def find_coordinator(state: BrokerState, call: Call, request: Any) -> Any:
    """FindCoordinator: this node, for every group; there are no transactions."""
    if request.key_type != _GROUP_COORDINATOR:
        return FindCoordinatorResponse(
            error_code=Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            error_message="this broker has no transactions: use an idempotent producer",
            node_id=-1,
            port=-1,
        )
    return FindCoordinatorResponse(
        error_message=None,
        node_id=NODE_ID,
        host=state.config.advertised_host or call.local_host,
        port=state.port,
    )


async def join_group(state: BrokerState, call: Call, request: Any) -> Any:
    """JoinGroup: answered when the rebalance is complete."""
    rebalance_timeout = request.rebalance_timeout_ms
    if call.version < _FIRST_WITH_REBALANCE_TIMEOUT:
        rebalance_timeout = request.session_timeout_ms
    result = await state.groups.join(
        JoinRequest(
            group_id=request.group_id,
            member_id=request.member_id,
            instance_id=request.group_instance_id,
            client_id=call.header.client_id,
            client_host=call.client_host,
            session_timeout_ms=request.session_timeout_ms,
            rebalance_timeout_ms=rebalance_timeout,
            protocol_type=request.protocol_type,
            protocols=tuple((p.name, bytes(p.metadata)) for p in request.protocols),
            needs_known_id=call.version >= _FIRST_WITH_KNOWN_IDS,
        )
    )
    member = JoinGroupResponse.JoinGroupResponseMember
    return JoinGroupResponse(
        error_code=result.code,
        generation_id=result.generation,
        protocol_name=result.protocol,
        leader=result.leader,
        member_id=result.member_id,
        members=[
            member(member_id=member_id, group_instance_id=instance_id, metadata=metadata)
            for member_id, instance_id, metadata in result.members
        ],
    )


async def sync_group(state: BrokerState, call: Call, request: Any) -> Any:
    """SyncGroup: answered when the leader has assigned the partitions."""
    del call
    code, assignment = await state.groups.sync(
        request.group_id,
        request.generation_id,
        request.member_id,
        request.group_instance_id,
        {each.member_id: bytes(each.assignment) for each in request.assignments},
    )
    return SyncGroupResponse(error_code=code, assignment=assignment)


def heartbeat(state: BrokerState, call: Call, request: Any) -> Any:
    """Heartbeat."""
    del call
    code = state.groups.heartbeat(
        request.group_id, request.generation_id, request.member_id, request.group_instance_id
    )
    return HeartbeatResponse(error_code=code)


def leave_group(state: BrokerState, call: Call, request: Any) -> Any:
    """LeaveGroup: one member, or from version 3 several."""
    if call.version < _FIRST_WITH_MEMBER_LIST:
        code = state.groups.leave(request.group_id, request.member_id, None)
        return LeaveGroupResponse(error_code=code)
    response = LeaveGroupResponse.MemberResponse
    return LeaveGroupResponse(
        error_code=Code.NONE,
        members=[
            response(
                member_id=each.member_id,
                group_instance_id=each.group_instance_id,
                error_code=state.groups.leave(
                    request.group_id, each.member_id, each.group_instance_id
                ),
            )
            for each in request.members
        ],
    )


def describe_groups(state: BrokerState, call: Call, request: Any) -> Any:
    """DescribeGroups: an unknown group is Dead, as in Kafka."""
    del call
    return DescribeGroupsResponse(groups=[_described(state, name) for name in request.groups])


def _described(state: BrokerState, group_id: str) -> Any:
    described = DescribeGroupsResponse.DescribedGroup
    group = state.groups.find(group_id)
    if group is None:
        return described(group_id=group_id, group_state=State.DEAD.value)
    return described(
        group_id=group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type,
        protocol_data=group.protocol,
        members=_described_members(group),
    )


def _described_members(group: Group) -> list[Any]:
    member = DescribeGroupsResponse.DescribedGroup.DescribedGroupMember
    return [
        member(
            member_id=each.member_id,
            group_instance_id=each.request.instance_id,
            client_id=each.request.client_id,
            client_host=f"/{each.request.client_host}",
            member_metadata=group.subscribed_to(each),
            member_assignment=each.assignment,
        )
        for each in group.members.values()
    ]


def list_groups(state: BrokerState, call: Call, request: Any) -> Any:
    """ListGroups."""
    del call, request
    listed = ListGroupsResponse.ListedGroup
    return ListGroupsResponse(
        groups=[
            listed(group_id=group.group_id, protocol_type=group.protocol_type)
            for group in state.groups
        ]
    )


def delete_groups(state: BrokerState, call: Call, request: Any) -> Any:
    """DeleteGroups: only groups without members; their committed offsets go too."""
    del call
    return DeleteGroupsResponse(results=[_deleted(state, name) for name in request.groups_names])


def _deleted(state: BrokerState, group_id: str) -> Any:
    code = Code.NONE
    try:
        state.groups.remove(group_id)
        state.offsets.forget_group(group_id)
    except RefusedError as refused:
        code = refused.code
    return DeleteGroupsResponse.DeletableGroupResult(group_id=group_id, error_code=code)
