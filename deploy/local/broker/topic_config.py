"""The settings of a topic: Kafka's names, what they mean here, and what is refused.

Names and defaults: https://kafka.apache.org/documentation/#topicconfigs
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .errors import Code, RefusedError

UNLIMITED = -1
_INT32_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The settings as the log uses them: bytes and milliseconds, `UNLIMITED` for no bound."""

    segment_bytes: int = 64 * 1024 * 1024
    segment_ms: int = 7 * _DAY_MS
    retention_bytes: int = UNLIMITED
    retention_ms: int = 7 * _DAY_MS
    max_message_bytes: int = 1024 * 1024 + 12
    index_interval_bytes: int = 4096
    delete: bool = True
    compact: bool = False
    min_dirty_ratio: float = 0.5
    delete_retention_ms: int = _DAY_MS


@dataclass(frozen=True, slots=True)
class Setting:
    """One known name: its default as text, and the check that a value has to pass."""

    default: str
    accepts: Callable[[str], bool]


def _number(low: int, high: int) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        return value.lstrip("-").isdecimal() and low <= int(value) <= high

    return accepts


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


def _ratio(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _policies(value: str) -> bool:
    return {part.strip() for part in value.split(",")} <= {"compact", "delete"}


_flag = _one_of("true", "false")
_millis = _number(UNLIMITED, _INT64_MAX)
_positive_millis = _number(0, _INT64_MAX)

# Settings with one possible value say so instead of being silently ignored: batches stay as
# their producer built them (compression, timestamps), and there is one replica.
SETTINGS: Mapping[str, Setting] = {
    "cleanup.policy": Setting("delete", _policies),
    "compression.type": Setting("producer", _one_of("producer")),
    "delete.retention.ms": Setting(str(_DAY_MS), _positive_millis),
    "index.interval.bytes": Setting("4096", _number(0, _INT32_MAX)),
    "max.message.bytes": Setting(str(1024 * 1024 + 12), _number(0, _INT32_MAX)),
    "message.timestamp.type": Setting("CreateTime", _one_of("CreateTime")),
    "min.cleanable.dirty.ratio": Setting("0.5", _ratio),
    "min.insync.replicas": Setting("1", _one_of("1")),
    "retention.bytes": Setting(str(UNLIMITED), _number(UNLIMITED, _INT64_MAX)),
    "retention.ms": Setting(str(7 * _DAY_MS), _millis),
    "segment.bytes": Setting(str(64 * 1024 * 1024), _number(1024, _INT32_MAX)),
    "segment.ms": Setting(str(7 * _DAY_MS), _number(1, _INT64_MAX)),
    # Accepted without an effect: they tune what a single node has no use for, or what it does
    # more strictly anyway (every acknowledged record is synced, deleted files go at once).
    "file.delete.delay.ms": Setting("60000", _positive_millis),
    "flush.messages": Setting(str(_INT64_MAX), _number(1, _INT64_MAX)),
    "flush.ms": Setting(str(_INT64_MAX), _positive_millis),
    "max.compaction.lag.ms": Setting(str(_INT64_MAX), _number(1, _INT64_MAX)),
    "min.compaction.lag.ms": Setting("0", _positive_millis),
    "preallocate": Setting("false", _flag),
    "segment.index.bytes": Setting("10485760", _number(4, _INT32_MAX)),
    "segment.jitter.ms": Setting("0", _positive_millis),
    "unclean.leader.election.enable": Setting("false", _flag),
}


def checked(overrides: Mapping[str, str | None]) -> dict[str, str]:
    """Return the overrides without the empty ones; raises `RefusedError` (INVALID_CONFIG)."""
    kept: dict[str, str] = {}
    for name, value in overrides.items():
        setting = SETTINGS.get(name)
        if setting is None:
            raise RefusedError(Code.INVALID_CONFIG, f"Unknown topic config name: {name}")
        if value is None:
            continue
        if not setting.accepts(value):
            raise RefusedError(
                Code.INVALID_CONFIG,
                f"Invalid value {value} for configuration {name}: "
                f"this broker takes values like {setting.default}",
            )
        kept[name] = value
    return kept


def log_settings(overrides: Mapping[str, str], defaults: Mapping[str, str]) -> LogSettings:
    """Resolve checked overrides, then the broker's defaults, then Kafka's."""

    def value(name: str) -> str:
        return overrides.get(name) or defaults.get(name) or SETTINGS[name].default

    policies = {part.strip() for part in value("cleanup.policy").split(",")}
    return LogSettings(
        segment_bytes=int(value("segment.bytes")),
        segment_ms=int(value("segment.ms")),
        retention_bytes=int(value("retention.bytes")),
        retention_ms=int(value("retention.ms")),
        max_message_bytes=int(value("max.message.bytes")),
        index_interval_bytes=int(value("index.interval.bytes")),
        delete="delete" in policies,
        compact="compact" in policies,
        min_dirty_ratio=float(value("min.cleanable.dirty.ratio")),
        delete_retention_ms=int(value("delete.retention.ms")),
    )
