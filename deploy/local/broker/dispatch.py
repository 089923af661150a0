"""From a request to its handler: which APIs are spoken, in which versions.

Only versions without tagged fields are offered: clients settle on the highest version both sides
know, and none of them misses the newer ones on a single node. ApiVersions is the one exception,
because clients ask with version 3 or above before they know anything.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from . import (
    handle_configs,
    handle_fetch,
    handle_groups,
    handle_metadata,
    handle_offsets,
    handle_produce,
    handle_topics,
    messages,
)
from .errors import BadFrameError, Code, HangUpError
from .state import BrokerState, Call, Outcome, Pending
from .strict import decode
from .wire import Buffers

API_VERSIONS = 18
_Handler = Callable[[BrokerState, Call, Any], Any]


@dataclass(frozen=True, slots=True)
class Api:
    """One row of the table: what is offered, how a request is decoded, who answers it."""

    low: int
    high: int
    request: Any
    handler: _Handler


APIS: Mapping[int, Api] = {
    2: Api(1, 5, messages.ListOffsetsRequest, handle_metadata.list_offsets),
    3: Api(0, 8, messages.MetadataRequest, handle_metadata.metadata),
    8: Api(2, 7, messages.OffsetCommitRequest, handle_offsets.offset_commit),
    9: Api(1, 5, messages.OffsetFetchRequest, handle_offsets.offset_fetch),
    10: Api(0, 2, messages.FindCoordinatorRequest, handle_groups.find_coordinator),
    11: Api(0, 5, messages.JoinGroupRequest, handle_groups.join_group),
    12: Api(0, 3, messages.HeartbeatRequest, handle_groups.heartbeat),
    13: Api(0, 3, messages.LeaveGroupRequest, handle_groups.leave_group),
    14: Api(0, 3, messages.SyncGroupRequest, handle_groups.sync_group),
    15: Api(0, 4, messages.DescribeGroupsRequest, handle_groups.describe_groups),
    16: Api(0, 2, messages.ListGroupsRequest, handle_groups.list_groups),
    19: Api(0, 4, messages.CreateTopicsRequest, handle_topics.create_topics),
    20: Api(0, 3, messages.DeleteTopicsRequest, handle_topics.delete_topics),
    21: Api(0, 1, messages.DeleteRecordsRequest, handle_metadata.delete_records),
    22: Api(0, 1, messages.InitProducerIdRequest, handle_metadata.init_producer_id),
    32: Api(0, 3, messages.DescribeConfigsRequest, handle_configs.describe_configs),
    33: Api(0, 1, messages.AlterConfigsRequest, handle_configs.alter_configs),
    37: Api(0, 1, messages.CreatePartitionsRequest, handle_topics.create_partitions),
    42: Api(0, 1, messages.DeleteGroupsRequest, handle_groups.delete_groups),
    44: Api(0, 0, messages.IncrementalAlterConfigsRequest, handle_configs.incremental_alter),
    47: Api(0, 0, messages.OffsetDeleteRequest, handle_offsets.offset_delete),
}

# Produce and Fetch carry the records and are unpacked by hand, without a copy.
RAW: Mapping[int, tuple[str, int, int, Callable[[BrokerState, Call], Outcome]]] = {
    0: ("Produce", 3, 8, handle_produce.produce),
    1: ("Fetch", 4, 11, handle_fetch.fetch),
}

OFFERED: Mapping[int, tuple[int, int]] = {
    **{key: (low, high) for key, (_, low, high, _) in RAW.items()},
    **{key: (api.low, api.high) for key, api in APIS.items()},
    API_VERSIONS: (0, 3),
}


def dispatch(state: BrokerState, call: Call) -> Outcome:
    """Answer one request, now or later; raises `HangUpError` when there is no answer to give."""
    key, version = call.header.api_key, call.version
    if key in state.faults.hang_up:
        raise HangUpError(f"a fault switch closes connections at API {key}")
    if key == API_VERSIONS:
        state.metrics.requests["ApiVersions"] += 1
        return _api_versions(version)
    low, high = OFFERED.get(key, (0, -1))
    if not low <= version <= high:
        # Kafka closes the connection too: there is no answer such a client could read.
        raise BadFrameError(f"API {key} version {version} is not offered")
    if key in RAW:
        name, _, _, raw = RAW[key]
        state.metrics.requests[name] += 1
        return raw(state, call)
    api = APIS[key]
    state.metrics.requests[str(api.request.name).removesuffix("Request")] += 1
    answer = api.handler(state, call, decode(api.request, call.body, version))
    if asyncio.iscoroutine(answer):
        return Pending(state.run(_encoded_later(answer, version)))
    return _encoded(answer, version)


async def _encoded_later(answer: Coroutine[Any, Any, Any], version: int) -> Buffers | None:
    return _encoded(await answer, version)


def _encoded(answer: Any, version: int) -> Buffers:
    return [answer.encode(version=version)]


def _api_versions(version: int) -> Buffers:
    entry = messages.ApiVersionsResponse.ApiVersion
    known = version <= OFFERED[API_VERSIONS][1]
    answer = messages.ApiVersionsResponse(
        error_code=Code.NONE if known else Code.UNSUPPORTED_VERSION,
        api_keys=[
            entry(api_key=key, min_version=low, max_version=high)
            for key, (low, high) in sorted(OFFERED.items())
            if known or key == API_VERSIONS
        ],
    )
    # A client that asks in a version from the future can still read version 0 (KIP-511).
    return _encoded(answer, version if known else 0)
