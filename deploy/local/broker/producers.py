"""What idempotent producers have written to one partition, so that a retry is not a second copy.

The rules are Kafka's (KIP-98): per producer the last five batches are remembered; a batch that is
among them is answered with its first offsets, the next sequence number is accepted, any other is
refused. The state is never stored on its own: it is rebuilt from the headers in the log.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .batch import BatchHeader
from .errors import Code, RefusedError

REMEMBERED = 5  # what Kafka keeps; an idempotent producer has at most five requests in flight
NO_PRODUCER = -1

Snapshot = list[Any]  # rows of [producer id, epoch, last seen (ms), [[first, last, offset], ...]]


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """One batch as the log holds it; sequences and offsets are inclusive."""

    first_sequence: int
    last_sequence: int
    base_offset: int


@dataclass(slots=True)
class Producer:
    """The newest epoch of one producer id, and its last batches."""

    epoch: int
    last_seen_ms: int
    batches: deque[WrittenBatch] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class ProducerStates:
    """All idempotent producers of one partition."""

    def __init__(self) -> None:
        self._producers: dict[int, Producer] = {}

    def __len__(self) -> int:
        return len(self._producers)

    def check(self, header: BatchHeader) -> WrittenBatch | None:
        """Decide about a batch before it is written.

        Returns None when it is to be appended, or what was written when it is a repetition.
        Raises `RefusedError` for an old epoch or a gap in the sequence.
        """
        known = self._producers.get(header.producer_id)
        if header.producer_id == NO_PRODUCER or known is None:
            # Unknown: its earlier records may have been deleted with their segment, so Kafka
            # accepts any sequence, and so must this.
            return None
        if header.producer_epoch < known.epoch:
            raise RefusedError(Code.INVALID_PRODUCER_EPOCH)
        if header.producer_epoch > known.epoch:
            if header.base_sequence != 0:
                raise RefusedError(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
            return None
        for written in known.batches:
            if (written.first_sequence, written.last_sequence) == (
                header.base_sequence,
                header.last_sequence,
            ):
                return written
        expected = (known.batches[-1].last_sequence + 1) & 0x7FFFFFFF
        if header.base_sequence != expected:
            raise RefusedError(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
        return None

    def record(self, header: BatchHeader, now_ms: int) -> None:
        """Take note of a batch that is in the log (just written, or found at start)."""
        if header.producer_id == NO_PRODUCER:
            return
        known = self._producers.get(header.producer_id)
        if known is None or known.epoch != header.producer_epoch:
            known = Producer(epoch=header.producer_epoch, last_seen_ms=now_ms)
            self._producers[header.producer_id] = known
        known.last_seen_ms = now_ms
        known.batches.append(
            WrittenBatch(header.base_sequence, header.last_sequence, header.base_offset)
        )

    def forget(self, unseen_since_ms: int) -> None:
        """Drop producers that wrote nothing since then: they would pile up for ever."""
        self._producers = {
            producer_id: producer
            for producer_id, producer in self._producers.items()
            if producer.last_seen_ms >= unseen_since_ms
        }

    def remembered_offsets(self) -> set[int]:
        """Return the base offsets of all remembered batches: compaction keeps their headers."""
        return {
            written.base_offset
            for producer in self._producers.values()
            for written in producer.batches
        }

    def snapshot(self) -> Snapshot:
        """Return everything in a form that JSON can hold."""
        return [
            [
                producer_id,
                producer.epoch,
                producer.last_seen_ms,
                [[b.first_sequence, b.last_sequence, b.base_offset] for b in producer.batches],
            ]
            for producer_id, producer in self._producers.items()
        ]

    def restore(self, snapshot: Snapshot) -> None:
        """Become what `snapshot` was taken from."""
        self._producers = {}
        for producer_id, epoch, last_seen_ms, batches in snapshot:
            producer = Producer(epoch, last_seen_ms)
            producer.batches.extend(WrittenBatch(*batch) for batch in batches)
            self._producers[producer_id] = producer
