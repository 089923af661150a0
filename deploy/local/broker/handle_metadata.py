"""Where things are: Metadata, ListOffsets, DeleteRecords, InitProducerId."""

from typing import Any

from .batch import LEADER_EPOCH
from .errors import Code, RefusedError, refuse
from .messages import (
    DeleteRecordsResponse,
    InitProducerIdResponse,
    ListOffsetsResponse,
    MetadataResponse,
)
from .records import BadRecordsError
from .state import NODE_ID, BrokerState, Call
from .topics import Topic, check_name

_LATEST, _EARLIEST = -1, -2
_NOWHERE = -1


def metadata(state: BrokerState, call: Call, request: Any) -> Any:
    """Metadata: asking for a topic never creates it."""
    topics = request.topics
    if topics is None or (call.version == 0 and not topics):
        described = [_described(topic) for topic in state.topics]
    else:
        described = [_looked_up(state, topic.name) for topic in topics]
    broker = MetadataResponse.MetadataResponseBroker(
        node_id=NODE_ID, host=state.config.advertised_host or call.local_host, port=state.port
    )
    return MetadataResponse(
        brokers=[broker],
        cluster_id=state.identity.cluster_id,
        controller_id=NODE_ID,
        topics=described,
    )


def _looked_up(state: BrokerState, name: str) -> Any:
    topic = state.topics.find(name)
    if topic is not None:
        return _described(topic)
    code = Code.UNKNOWN_TOPIC_OR_PARTITION
    try:
        check_name(name)
    except RefusedError as refused:
        code = refused.code
    return MetadataResponse.MetadataResponseTopic(name=name, error_code=code)


def _described(topic: Topic) -> Any:
    of_topic = MetadataResponse.MetadataResponseTopic
    of_partition = of_topic.MetadataResponsePartition
    return of_topic(
        name=topic.name,
        partitions=[
            of_partition(
                partition_index=number,
                leader_id=NODE_ID,
                leader_epoch=LEADER_EPOCH,
                replica_nodes=[NODE_ID],
                isr_nodes=[NODE_ID],
            )
            for number in range(len(topic.partitions))
        ],
    )


def list_offsets(state: BrokerState, call: Call, request: Any) -> Any:
    """ListOffsets: the ends of a log, or the first record at or after a time."""
    del call
    of_topic = ListOffsetsResponse.ListOffsetsTopicResponse
    return ListOffsetsResponse(
        topics=[
            of_topic(
                name=topic.name,
                partitions=[_listed(state, topic.name, p) for p in topic.partitions],
            )
            for topic in request.topics
        ]
    )


def _listed(state: BrokerState, topic: str, partition: Any) -> Any:
    code, offset, timestamp = Code.NONE, _NOWHERE, -1
    try:
        log = state.topics.log(topic, partition.partition_index)
        if partition.timestamp == _LATEST:
            offset = log.high_watermark
        elif partition.timestamp == _EARLIEST:
            offset = log.start_offset
        elif partition.timestamp < 0:
            refuse(Code.UNSUPPORTED_VERSION)
        else:
            offset, timestamp = log.offset_at_time(partition.timestamp) or (_NOWHERE, -1)
    except RefusedError as refused:
        code = refused.code
    except BadRecordsError:
        code = Code.CORRUPT_MESSAGE
    except OSError:
        code = Code.KAFKA_STORAGE_ERROR
    answer = ListOffsetsResponse.ListOffsetsTopicResponse.ListOffsetsPartitionResponse
    return answer(
        partition_index=partition.partition_index,
        error_code=code,
        timestamp=timestamp,
        offset=offset,
        leader_epoch=LEADER_EPOCH if offset >= 0 else -1,
    )


def delete_records(state: BrokerState, call: Call, request: Any) -> Any:
    """DeleteRecords: move the start of logs; files go with the next round of retention."""
    del call
    of_topic = DeleteRecordsResponse.DeleteRecordsTopicResult
    return DeleteRecordsResponse(
        topics=[
            of_topic(
                name=topic.name,
                partitions=[_deleted(state, topic.name, p) for p in topic.partitions],
            )
            for topic in request.topics
        ]
    )


def _deleted(state: BrokerState, topic: str, partition: Any) -> Any:
    code, low_watermark = Code.NONE, _NOWHERE
    try:
        log = state.topics.log(topic, partition.partition_index)
        if not log.settings.delete:
            refuse(Code.POLICY_VIOLATION)
        low_watermark = log.delete_records(partition.offset)
    except RefusedError as refused:
        code = refused.code
    return DeleteRecordsResponse.DeleteRecordsTopicResult.DeleteRecordsPartitionResult(
        partition_index=partition.partition_index, low_watermark=low_watermark, error_code=code
    )


def init_producer_id(state: BrokerState, call: Call, request: Any) -> Any:
    """InitProducerId: a fresh id for an idempotent producer; there are no transactions."""
    del call
    if request.transactional_id is not None:
        return InitProducerIdResponse(error_code=Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    try:
        producer_id = state.identity.new_producer_id()
    except OSError:
        return InitProducerIdResponse(error_code=Code.COORDINATOR_NOT_AVAILABLE)
    return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)
