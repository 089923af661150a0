"""When to flush: rows, bytes and age, with the time passed in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sinks.rows import Poison, Row

Reason = Literal["rows", "bytes", "age", "drain"]

_ROW_BYTES: Final = 150
"""What a row weighs in this process beside its line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a batch.

    Attributes:
        rows, size: flush at this many rows or bytes.
        age_ms: flush this long after the first row.
        hold_rows, hold_size: read no more above this, while an insert takes its time. What waits
            goes out as one larger batch, so catching up needs fewer inserts, not more.
    """

    rows: int = 20_000
    size: int = 16 << 20
    age_ms: int = 1_000
    hold_rows: int = 60_000
    hold_size: int = 32 << 20


@dataclass(slots=True)
class Batch:
    """What one flush writes and, when all of it is safe, commits.

    Attributes:
        offsets: next offset to read, by partition.
        empty: partition and offset of records without anything for the table.
        began_at: Unix ms of the first row's arrival.
    """

    rows: list[Row] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)
    empty: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0
    began_at: int = 0


class Buffer:
    """Collects rows until a batch is due; empty records move offsets too."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._batch = Batch()

    def __len__(self) -> int:
        return len(self._batch.rows) + len(self._batch.poison)

    @property
    def began_at(self) -> int | None:
        """Unix ms of the oldest waiting record's arrival, None when nothing waits."""
        return self._batch.began_at if self._batch.offsets else None

    @property
    def full(self) -> bool:
        """Whether reading should pause."""
        return self._fills(self._limits.hold_rows, self._limits.hold_size)

    @property
    def drained(self) -> bool:
        """Whether reading may go on: below half, so that it does not flutter."""
        return not self._fills(self._limits.hold_rows // 2, self._limits.hold_size // 2)

    def add(
        self, rows: Sequence[Row], poison: Sequence[Poison], partition: int, offset: int, now: int
    ) -> None:
        """Take in one record: its lines and its own offset."""
        batch = self._batch
        if not batch.offsets:
            batch.began_at = now
        batch.rows += rows
        batch.poison += poison
        if not rows and not poison:
            batch.empty.append((partition, offset))
        batch.offsets[partition] = offset + 1
        batch.size += sum(len(row.line) + len(row.original) + _ROW_BYTES for row in rows)
        batch.size += sum(len(item.line) + _ROW_BYTES for item in poison)

    def due(self, now: int) -> Reason | None:
        """Say why the batch should go out now, None when it should not."""
        if not self._batch.offsets:
            return None
        if len(self) >= self._limits.rows:
            return "rows"
        if self._batch.size >= self._limits.size:
            return "bytes"
        return "age" if now - self._batch.began_at >= self._limits.age_ms else None

    def wait_ms(self, now: int, longest: int) -> int:
        """How long nothing will become due by age."""
        if not self._batch.offsets:
            return longest
        return max(0, min(longest, self._batch.began_at + self._limits.age_ms - now))

    def take(self) -> Batch:
        """Hand out everything and begin anew."""
        batch, self._batch = self._batch, Batch()
        return batch

    def _fills(self, rows: int, size: int) -> bool:
        return len(self) >= rows or self._batch.size >= size
