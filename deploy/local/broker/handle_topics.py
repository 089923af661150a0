"""Declaring topics: CreateTopics, DeleteTopics, CreatePartitions."""

from collections import Counter
from typing import Any

from .errors import Code, RefusedError, refuse
from .messages import CreatePartitionsResponse, CreateTopicsResponse, DeleteTopicsResponse
from .state import NODE_ID, BrokerState, Call

_DEFAULT = -1


async def create_topics(state: BrokerState, call: Call, request: Any) -> Any:
    """CreateTopics: each topic stands for itself."""
    del call
    names = Counter(topic.name for topic in request.topics)
    results = []
    for topic in {topic.name: topic for topic in request.topics}.values():
        code, message = Code.NONE, None
        try:
            if names[topic.name] > 1:
                refuse(Code.INVALID_REQUEST, "the topic is named twice")
            await state.topics.create(
                topic.name,
                _partition_count(state, topic),
                {config.name: config.value for config in topic.configs},
                dry=request.validate_only,
            )
        except RefusedError as refused:
            code, message = refused.code, str(refused)
        result = CreateTopicsResponse.CreatableTopicResult
        results.append(result(name=topic.name, error_code=code, error_message=message))
    return CreateTopicsResponse(topics=results)


def _partition_count(state: BrokerState, topic: Any) -> int:
    if topic.assignments:
        return _assigned(topic)
    if topic.replication_factor not in {_DEFAULT, 1}:
        raise RefusedError(
            Code.INVALID_REPLICATION_FACTOR,
            f"Replication factor: {topic.replication_factor} larger than available brokers: 1.",
        )
    if topic.num_partitions == _DEFAULT:
        return state.config.default_partitions
    return int(topic.num_partitions)


def _assigned(topic: Any) -> int:
    if topic.num_partitions != _DEFAULT or topic.replication_factor != _DEFAULT:
        raise RefusedError(
            Code.INVALID_REQUEST, "give either a partition count or an assignment, not both"
        )
    partitions = sorted(each.partition_index for each in topic.assignments)
    nodes = [list(each.broker_ids) for each in topic.assignments]
    if partitions != list(range(len(partitions))) or any(each != [NODE_ID] for each in nodes):
        raise RefusedError(
            Code.INVALID_REPLICA_ASSIGNMENT,
            f"partitions are numbered from 0 and each belongs to node {NODE_ID}",
        )
    return len(partitions)


async def delete_topics(state: BrokerState, call: Call, request: Any) -> Any:
    """DeleteTopics: records and committed offsets go, whoever waits for records is told."""
    del call
    results = []
    for name in dict.fromkeys(request.topic_names):
        code = Code.NONE
        try:
            await state.topics.delete(name)
            state.offsets.forget_topic(name)
        except RefusedError as refused:
            code = refused.code
        results.append(DeleteTopicsResponse.DeletableTopicResult(name=name, error_code=code))
    return DeleteTopicsResponse(responses=results)


async def create_partitions(state: BrokerState, call: Call, request: Any) -> Any:
    """CreatePartitions: topics only grow."""
    del call
    results = []
    for topic in request.topics:
        code, message = Code.NONE, None
        try:
            if any(list(each.broker_ids) != [NODE_ID] for each in topic.assignments or ()):
                refuse(Code.INVALID_REPLICA_ASSIGNMENT, f"the only node is {NODE_ID}")
            await state.topics.add_partitions(topic.name, topic.count, dry=request.validate_only)
        except RefusedError as refused:
            code, message = refused.code, str(refused)
        result = CreatePartitionsResponse.CreatePartitionsTopicResult
        results.append(result(name=topic.name, error_code=code, error_message=message))
    return CreatePartitionsResponse(results=results)
