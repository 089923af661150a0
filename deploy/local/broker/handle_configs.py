"""Settings of topics over the wire: DescribeConfigs, AlterConfigs, IncrementalAlterConfigs."""

from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Any

from .errors import Code, RefusedError, refuse
from .messages import AlterConfigsResponse, DescribeConfigsResponse, IncrementalAlterConfigsResponse
from .state import NODE_ID, BrokerState, Call
from .topic_config import SETTINGS

_TOPIC, _BROKER = 2, 4


class _Source(IntEnum):
    TOPIC = 1
    BROKER = 4
    DEFAULT = 5


class _Operation(IntEnum):
    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


def describe_configs(state: BrokerState, call: Call, request: Any) -> Any:
    """DescribeConfigs: of topics; of the broker, what a topic gets that names nothing."""
    return DescribeConfigsResponse(
        results=[_described(state, call.version, resource) for resource in request.resources]
    )


def _described(state: BrokerState, version: int, resource: Any) -> Any:
    code, message, configs = Code.NONE, None, []
    try:
        values = _values(state, resource)
        named = resource.configuration_keys
        configs = [
            _entry(version, name, *values[name])
            for name in values
            if named is None or name in named
        ]
    except RefusedError as refused:
        code, message = refused.code, str(refused)
    return DescribeConfigsResponse.DescribeConfigsResult(
        error_code=code,
        error_message=message,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        configs=configs,
    )


def _values(state: BrokerState, resource: Any) -> dict[str, tuple[str, _Source]]:
    values = {name: (setting.default, _Source.DEFAULT) for name, setting in SETTINGS.items()}
    values |= {name: (value, _Source.BROKER) for name, value in state.topics.defaults.items()}
    if resource.resource_type == _TOPIC:
        overrides = state.topics.get(resource.resource_name).overrides
        return values | {name: (value, _Source.TOPIC) for name, value in overrides.items()}
    if resource.resource_type == _BROKER and resource.resource_name in {"", str(NODE_ID)}:
        return values
    raise RefusedError(Code.INVALID_REQUEST, "only topics and this broker have settings")


def _entry(version: int, name: str, value: str, source: _Source) -> Any:
    return DescribeConfigsResponse.DescribeConfigsResult.DescribeConfigsResourceResult(
        name=name,
        value=value,
        config_source=source,
        is_default=version == 0 and source is not _Source.TOPIC,
        documentation=None,
    )


async def alter_configs(state: BrokerState, call: Call, request: Any) -> Any:
    """AlterConfigs: the given values replace all overrides of the topic."""
    del call
    answer = AlterConfigsResponse

    async def replace(resource: Any) -> None:
        wanted = {config.name: config.value for config in resource.configs}
        await state.topics.alter(resource.resource_name, wanted, dry=request.validate_only)

    return answer(responses=[await _altered(answer, each, replace) for each in request.resources])


async def incremental_alter(state: BrokerState, call: Call, request: Any) -> Any:
    """IncrementalAlterConfigs: set or reset single values."""
    del call
    answer = IncrementalAlterConfigsResponse

    async def change(resource: Any) -> None:
        wanted: dict[str, str | None] = dict(state.topics.get(resource.resource_name).overrides)
        for config in resource.configs:
            wanted[config.name] = _changed(config)
        await state.topics.alter(resource.resource_name, wanted, dry=request.validate_only)

    return answer(responses=[await _altered(answer, each, change) for each in request.resources])


def _changed(config: Any) -> str | None:
    if config.config_operation == _Operation.SET:
        return None if config.value is None else str(config.value)
    if config.config_operation == _Operation.DELETE:
        return None
    raise RefusedError(Code.INVALID_CONFIG, "set the whole list instead of adding to it")


async def _altered(answer: Any, resource: Any, change: Callable[[Any], Awaitable[None]]) -> Any:
    code, message = Code.NONE, None
    try:
        if resource.resource_type != _TOPIC:
            refuse(Code.INVALID_REQUEST, "the broker's own settings are its command-line options")
        await change(resource)
    except RefusedError as refused:
        code, message = refused.code, str(refused)
    return answer.AlterConfigsResourceResponse(
        error_code=code,
        error_message=message,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
    )
