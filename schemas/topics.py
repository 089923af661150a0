"""Every topic: name, partitions, retention, cleanup; and which partition a visitor lives in."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_EVENT_BYTES: Final = 1 << 20
"""One event as a JSON line, envelope included; an edge refuses more."""
PACK_BYTES: Final = 256 << 10
"""A packed record is closed when it has grown to this."""
MAX_RECORD_BYTES: Final = 4 << 20
"""``max.message.bytes`` of every topic: room for a pack plus one event grown by processing."""

SESSIONS_TABLE: Final = "sessions"
HEARTBEAT: Final = "_heartbeat"
"""Source of headrace's own events, see :mod:`schemas.heartbeat`; no slug, so nobody can have it."""
_COMPACT_BYTES: Final = 8 << 20
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as ``headrace init`` declares it (Kafka topic configs by Kafka's names)."""

    name: str
    partitions: int
    compacted: bool = False
    retention_ms: int = 7 * _DAY_MS

    @property
    def configs(self) -> dict[str, str]:
        """Topic-level configs for CreateTopics."""
        configs = {"max.message.bytes": str(MAX_RECORD_BYTES)}
        if self.compacted:
            # Only closed segments are compacted, and a reader starts at the beginning.
            return configs | {"cleanup.policy": "compact", "segment.bytes": str(_COMPACT_BYTES)}
        return configs | {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


@dataclass(frozen=True, slots=True)
class Topics:
    """The names under one prefix.

    Args:
        prefix: ``HEADRACE_PREFIX``.
        partitions: of all raw topics, ``events`` and the processors' changelogs alike.
    """

    prefix: str
    partitions: int

    @property
    def sources(self) -> Topic:
        """The registry of event sources: key is the source id, value its record."""
        return Topic(f"{self.prefix}.sources", 1, compacted=True)

    @property
    def events(self) -> Topic:
        """Canonical events, JSON lines named like the columns of ``events``."""
        return Topic(f"{self.prefix}.events", self.partitions)

    @property
    def dead(self) -> Topic:
        """Dead letters, kept longer: somebody has to find the time to look."""
        return Topic(f"{self.prefix}.dead", self.partitions, retention_ms=30 * _DAY_MS)

    @property
    def schemas(self) -> Topic:
        """Schemas of collections: key and value as :mod:`schemas.catalog` says."""
        return Topic(f"{self.prefix}.schemas", 1, compacted=True)

    @property
    def overrides(self) -> Topic:
        """Merged profiles: key and value as :mod:`schemas.merges` says; one order for all."""
        return Topic(f"{self.prefix}.profile_overrides", 1, compacted=True)

    @property
    def profiles(self) -> Topic:
        """What events say of profiles: key and value as :mod:`schemas.profiles` says.

        The partition is chosen by the profile's id.
        """
        return Topic(f"{self.prefix}.profiles", self.partitions, compacted=True)

    @property
    def answers(self) -> Topic:
        """What the processors tell waiting edges; nobody reads it later."""
        return Topic(f"{self.prefix}.answers", self.partitions, retention_ms=600_000)

    @property
    def tasks(self) -> Topic:
        """Scheduled tasks: key is the task's id, value as :mod:`schemas.tasks` says."""
        return Topic(f"{self.prefix}.tasks", 1, compacted=True)

    @property
    def webhooks(self) -> Topic:
        """Webhooks: key is the webhook's id, value as :mod:`schemas.webhooks` says."""
        return Topic(f"{self.prefix}.webhooks", 1, compacted=True)

    @property
    def task_runs(self) -> Topic:
        """Runs of tasks and their states: key is the id, value as :mod:`schemas.task_runs` says."""
        return Topic(f"{self.prefix}.task_runs", 1, compacted=True)

    @property
    def task_turns(self) -> Topic:
        """Which worker runs which tasks: nothing is written, its partitions are shared out."""
        return Topic(f"{self.prefix}.task_turns", self.partitions, retention_ms=600_000)

    @property
    def limits(self) -> Topic:
        """How often limited sources come to each edge, for the other edges; old in seconds."""
        return Topic(f"{self.prefix}.limits", 1, retention_ms=600_000)

    def raw(self, source_id: str) -> Topic:
        """Raw events of one source."""
        return Topic(f"{self.prefix}.raw.{source_id}", self.partitions)

    @property
    def heartbeats(self) -> Topic:
        """Raw events of headrace itself; what they tell is old in a minute."""
        return Topic(self.raw(HEARTBEAT).name, self.partitions, retention_ms=3_600_000)

    @property
    def ledger(self) -> Topic:
        """What each tier counted, see :mod:`schemas.ledger`; one order for all."""
        return Topic(f"{self.prefix}.ledger", 1)

    def sessions(self, group: str) -> Topic:
        """Visits, and what sessions stand for; Faust names a changelog after its app and table."""
        return Topic(f"{group}-{SESSIONS_TABLE}-changelog", self.partitions, compacted=True)

    def fixed(self) -> tuple[Topic, ...]:
        """The topics that exist without any source."""
        return (
            self.sources,
            self.schemas,
            self.overrides,
            self.profiles,
            self.events,
            self.dead,
            self.answers,
            self.ledger,
            self.limits,
            self.heartbeats,
            self.tasks,
            self.task_runs,
            self.task_turns,
            self.webhooks,
        )

    def all(self, source_ids: Iterable[str]) -> tuple[Topic, ...]:
        """Everything ``headrace init`` declares."""
        return self.fixed() + tuple(self.raw(source_id) for source_id in source_ids)


def partition_of(visitor: str, partitions: int) -> int:
    """Choose the partition of a visitor: CRC-32 modulo the count.

    The same choice as librdkafka's ``consistent`` partitioner, so a producer outside headrace
    can agree with it.
    """
    return zlib.crc32(visitor.encode("utf-8", "surrogatepass")) % partitions
