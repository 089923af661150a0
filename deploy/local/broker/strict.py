"""Decoding a request so that what comes out is what its schema promises.

kafka-python reads what brokers send and trusts them: a null where none is allowed comes out as
None, and a string cut short by the end of the request as a shorter string. Clients of a broker
may send either, so both are found here, by walking the decoded request along its schema.
"""

import struct
from collections.abc import Mapping
from typing import Any

from .errors import BadFrameError

_FIXED_BYTES = {"int8": 1, "bool": 1, "int16": 2, "uint16": 2, "int32": 4, "int64": 8}
_LENGTH_BYTES = {"string": 2, "bytes": 4}
_ARRAY_LENGTH_BYTES = 4
# One byte behind the request. A last field that is cut short swallows it: a string is then no
# UTF-8 any more, and anything else makes the request longer than it was.
_BEYOND = b"\xff"


def decode(message: Any, body: memoryview, version: int) -> Any:
    """Decode one request of a non-flexible version; raises `BadFrameError`."""
    try:
        request = message.decode(bytes(body) + _BEYOND, version=version)
    except (struct.error, ValueError, IndexError, TypeError, OverflowError, MemoryError) as error:
        raise BadFrameError(f"{message.name}: {error}") from error
    if _size(message.fields, request, version) > len(body):
        raise BadFrameError(f"{message.name} ends inside its last field")
    return request


def _size(fields: Mapping[str, Any], value: Any, version: int) -> int:
    return sum(
        _field_size(field, getattr(value, field.name), version)
        for field in fields.values()
        if field.for_version_q(version)
    )


def _field_size(field: Any, value: Any, version: int) -> int:
    if value is None:
        if not field.nullable_for_version_q(version):
            raise BadFrameError(f"{field.name} must not be null")
        return _ARRAY_LENGTH_BYTES if field.is_array() else _LENGTH_BYTES[field.type_str]
    if field.is_struct_array():
        return _ARRAY_LENGTH_BYTES + sum(_size(field.fields, each, version) for each in value)
    if field.is_array():
        return _ARRAY_LENGTH_BYTES + sum(_field_size(field.array_of, e, version) for e in value)
    if isinstance(value, str):
        return _LENGTH_BYTES["string"] + len(value.encode())
    if field.type_str in _LENGTH_BYTES:
        return _LENGTH_BYTES[field.type_str] + len(value)
    return _FIXED_BYTES[field.type_str]
