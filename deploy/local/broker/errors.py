"""Kafka's error codes as this broker uses them, and what can go wrong inside it.

Codes: https://kafka.apache.org/protocol#protocol_error_codes
"""

from enum import IntEnum
from pathlib import Path
from typing import NoReturn


class Code(IntEnum):
    """Error codes of Kafka's protocol; only those that this broker answers with."""

    NONE = 0
    OFFSET_OUT_OF_RANGE = 1
    CORRUPT_MESSAGE = 2
    UNKNOWN_TOPIC_OR_PARTITION = 3
    MESSAGE_TOO_LARGE = 10
    OFFSET_METADATA_TOO_LARGE = 12
    COORDINATOR_NOT_AVAILABLE = 15
    INVALID_TOPIC_EXCEPTION = 17
    INVALID_REQUIRED_ACKS = 21
    ILLEGAL_GENERATION = 22
    INCONSISTENT_GROUP_PROTOCOL = 23
    INVALID_GROUP_ID = 24
    UNKNOWN_MEMBER_ID = 25
    INVALID_SESSION_TIMEOUT = 26
    REBALANCE_IN_PROGRESS = 27
    UNSUPPORTED_VERSION = 35
    TOPIC_ALREADY_EXISTS = 36
    INVALID_PARTITIONS = 37
    INVALID_REPLICATION_FACTOR = 38
    INVALID_REPLICA_ASSIGNMENT = 39
    INVALID_CONFIG = 40
    INVALID_REQUEST = 42
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
    POLICY_VIOLATION = 44
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    INVALID_PRODUCER_EPOCH = 47
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
    KAFKA_STORAGE_ERROR = 56
    NON_EMPTY_GROUP = 68
    GROUP_ID_NOT_FOUND = 69
    FETCH_SESSION_ID_NOT_FOUND = 70
    UNKNOWN_LEADER_EPOCH = 75
    UNSUPPORTED_COMPRESSION_TYPE = 76
    MEMBER_ID_REQUIRED = 79
    FENCED_INSTANCE_ID = 82
    GROUP_SUBSCRIBED_TO_TOPIC = 86
    INVALID_RECORD = 87


class RefusedError(Exception):
    """A request, or one part of it, that is answered with a code instead of a result.

    `code` goes on the wire; the text too, where the answer has room for one.
    """

    def __init__(self, code: Code, message: str = "") -> None:
        super().__init__(message or code.name.replace("_", " ").lower())
        self.code = code


def refuse(code: Code, message: str = "") -> NoReturn:
    """Raise `RefusedError`."""
    raise RefusedError(code, message)


class HangUpError(Exception):
    """There is no answer to give: the connection is closed, so that its client notices."""


class BadFrameError(HangUpError):
    """Bytes that are no request of this protocol."""


class DataDirectoryLocked(Exception):
    """Another process serves this data directory."""

    def __init__(self, data: Path) -> None:
        super().__init__(
            f"{data} is in use by another broker: stop that one, or choose another data directory"
        )


class DataDirectoryForeign(Exception):
    """The data directory was written in a format that this version does not read."""

    def __init__(self, data: Path, found: object) -> None:
        super().__init__(
            f"{data} holds data of format {found!r}, which this version cannot read: "
            "choose another data directory, or use the version that wrote it"
        )
