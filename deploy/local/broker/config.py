"""What a broker is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """Settings of one broker; sizes in bytes, times in ms unless the name says otherwise.

    `advertised_host` is the name clients are sent to; without it, the address they came to.
    `fsync`: answer a producer only when a sync covers its records. Retention is per partition
    and a topic may override it; -1 is unlimited.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 9092
    advertised_host: str | None = None
    fsync: bool = True
    retention_bytes: int = 1024 * _MIB
    retention_ms: int = 7 * _DAY_MS
    segment_bytes: int = 64 * _MIB
    max_message_bytes: int = _MIB + 12
    default_partitions: int = 1
    max_request_bytes: int = 100 * _MIB
    max_connections: int = 1_000
    maintenance_seconds: float = 5.0
    min_session_ms: int = 6_000
    max_session_ms: int = 1_800_000
    initial_rebalance_delay_ms: int = 100
    offsets_retention_ms: int = 7 * _DAY_MS
    producer_expiry_ms: int = _DAY_MS

    @property
    def topic_defaults(self) -> Mapping[str, str]:
        """The settings of a topic that names none, under Kafka's names."""
        return {
            "retention.bytes": str(self.retention_bytes),
            "retention.ms": str(self.retention_ms),
            "segment.bytes": str(self.segment_bytes),
            "max.message.bytes": str(self.max_message_bytes),
        }
