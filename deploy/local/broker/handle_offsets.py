"""Committed offsets of groups: OffsetCommit, OffsetFetch, OffsetDelete."""

from typing import Any

from .errors import Code, RefusedError
from .membership import State
from .messages import OffsetCommitResponse, OffsetDeleteResponse, OffsetFetchResponse
from .offsets import Committed, Place
from .state import BrokerState, Call

_MAX_METADATA_BYTES = 4096  # Kafka's offset.metadata.max.bytes
_NOT_COMMITTED = -1


def offset_commit(state: BrokerState, call: Call, request: Any) -> Any:
    """OffsetCommit: each partition is judged alone, what is right is stored together."""
    del call
    everywhere = Code.NONE
    try:
        state.groups.check_commit(
            request.group_id,
            request.generation_id_or_member_epoch,
            request.member_id,
            request.group_instance_id,
        )
    except RefusedError as refused:
        everywhere = refused.code
    codes: dict[Place, Code] = {}
    commits: dict[Place, Committed] = {}
    for topic in request.topics:
        for partition in topic.partitions:
            place = (topic.name, partition.partition_index)
            try:
                commits[place] = _accepted(state, place, partition)
                codes[place] = everywhere
            except RefusedError as refused:
                codes[place] = everywhere or refused.code
    if everywhere is Code.NONE:
        try:
            state.offsets.commit(request.group_id, commits)
        except RefusedError as refused:
            codes |= dict.fromkeys(commits, refused.code)
    return _commit_answer(request, codes)


def _accepted(state: BrokerState, place: Place, partition: Any) -> Committed:
    state.topics.log(*place)
    metadata = partition.committed_metadata or ""
    if len(metadata.encode()) > _MAX_METADATA_BYTES:
        raise RefusedError(Code.OFFSET_METADATA_TOO_LARGE)
    return Committed(
        offset=partition.committed_offset,
        leader_epoch=partition.committed_leader_epoch,
        metadata=metadata,
        committed_ms=state.now_ms(),
        topic_identity=state.topics.get(place[0]).identity,
    )


def _commit_answer(request: Any, codes: dict[Place, Code]) -> Any:
    of_topic = OffsetCommitResponse.OffsetCommitResponseTopic
    of_partition = of_topic.OffsetCommitResponsePartition
    return OffsetCommitResponse(
        topics=[
            of_topic(
                name=topic.name,
                partitions=[
                    of_partition(
                        partition_index=partition.partition_index,
                        error_code=codes[topic.name, partition.partition_index],
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def offset_fetch(state: BrokerState, call: Call, request: Any) -> Any:
    """OffsetFetch: the named partitions, or with null topics everything the group committed."""
    del call
    committed = {
        place: each
        for place, each in state.offsets.of(request.group_id).items()
        if is_current(state, place[0], each.topic_identity)
    }
    wanted: dict[str, list[int]] = {}
    if request.topics is None:
        for topic, partition in committed:
            wanted.setdefault(topic, []).append(partition)
    else:
        for each in request.topics:
            wanted.setdefault(each.name, []).extend(each.partition_indexes)
    of_topic = OffsetFetchResponse.OffsetFetchResponseTopic
    return OffsetFetchResponse(
        topics=[
            of_topic(
                name=topic,
                partitions=[_fetched(p, committed.get((topic, p))) for p in partitions],
            )
            for topic, partitions in wanted.items()
        ]
    )


def _fetched(partition: int, committed: Committed | None) -> Any:
    fetched = OffsetFetchResponse.OffsetFetchResponseTopic.OffsetFetchResponsePartition
    if committed is None:
        return fetched(
            partition_index=partition,
            committed_offset=_NOT_COMMITTED,
            committed_leader_epoch=-1,
            metadata="",
        )
    return fetched(
        partition_index=partition,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
    )


def is_current(state: BrokerState, topic: str, identity: str) -> bool:
    """Whether a commit is for the topic that has this name now, not for one deleted since."""
    found = state.topics.find(topic)
    return found is not None and found.identity == identity


def offset_delete(state: BrokerState, call: Call, request: Any) -> Any:
    """OffsetDelete: only while nobody in the group could be using the offsets."""
    del call
    group = state.groups.find(request.group_id)
    if group is None:
        return OffsetDeleteResponse(error_code=Code.GROUP_ID_NOT_FOUND)
    places = [(t.name, p.partition_index) for t in request.topics for p in t.partitions]
    code = Code.NONE
    if group.state is not State.EMPTY:
        code = Code.GROUP_SUBSCRIBED_TO_TOPIC
    else:
        try:
            state.offsets.forget(request.group_id, places)
        except RefusedError as refused:
            return OffsetDeleteResponse(error_code=refused.code)
    of_topic = OffsetDeleteResponse.OffsetDeleteResponseTopic
    of_partition = of_topic.OffsetDeleteResponsePartition
    return OffsetDeleteResponse(
        topics=[
            of_topic(
                name=topic.name,
                partitions=[
                    of_partition(partition_index=p.partition_index, error_code=code)
                    for p in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )
