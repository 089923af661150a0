"""One topic on its way into one table: collects, writes one batch at a time, then commits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from schemas import heartbeat
from schemas.topics import HEARTBEAT
from sinks.batch import Batch, Buffer, Limits
from sinks.rows import Row, read
from sinks.tables import EVENTS, Table
from sinks.write import Writer

Beats = Callable[[Sequence[Row]], None]
"""Takes the heartbeats of a batch that is stored; must not wait."""
Commit = Callable[[Mapping[int, int]], Awaitable[None]]
Stored = Callable[[Batch], Awaitable[None]]
"""Does what is due once a batch is stored, and before its offsets are committed."""


class Lane:
    """While one batch is being written the next one builds.

    Args:
        commit: commits the next offset of each partition.
        clock: Unix ms.
        beats: has heartbeats, which are rows of another table; None keeps none.
        stored: None when nothing else is due.
        doubt_ms: after so long without a look, such as of a process that was stopped, another
            sink may have written the same partitions.
    """

    def __init__(
        self,
        table: Table,
        writer: Writer,
        commit: Commit,
        limits: Limits,
        clock: Callable[[], int],
        beats: Beats | None = None,
        stored: Stored | None = None,
        doubt_ms: int = 15_000,
    ) -> None:
        self.buffer = Buffer(limits)
        self.paused = False
        self._limits = limits
        self._table = table
        self._writer = writer
        self._commit = commit
        self._clock = clock
        self._beats = beats
        self._stored = stored
        self._beating: list[Row] = []
        self._doubt_ms = doubt_ms
        self._looked_at = clock()
        self._task: asyncio.Task[None] | None = None

    def take(self, value: bytes | None, partition: int, offset: int) -> None:
        """Take in one record; one without a value only moves the offset."""
        rows, poison = read(value or b"", partition, offset, self._table.reader)
        if value and self._table is EVENTS and heartbeat.MARK in value:
            self._beating += [row for row in rows if _is_beat(row)]
            rows = [row for row in rows if not _is_beat(row)]
        self.buffer.add(rows, poison, partition, offset, self._clock())

    def wait_ms(self, longest: int) -> int:
        """How long the poll may wait without making a batch late."""
        return longest if self._task else self.buffer.wait_ms(self._clock(), longest)

    def pump(self) -> None:
        """Start writing when a batch is due and nothing is being written.

        Raises:
            Exception: whatever ended the last write; the sink must stop.
        """
        last, self._looked_at = self._looked_at, self._clock()
        if self._looked_at - last > self._doubt_ms:
            self._writer.reassigned()
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()
        if self._task is None and self.buffer.due(self._clock()):
            self._start()

    async def drain(self) -> None:
        """Write and commit everything that was taken in."""
        while self._task is not None or self.buffer.began_at is not None:
            if self._task is None:
                self._start()
            task, self._task = self._task, None
            if task is not None:
                await task

    async def revoke(self, seconds: float) -> None:
        """Drop what waits; let what is being written finish, but no longer than ``seconds``.

        Whatever is dropped was not committed: the next owner reads it again, and its fence finds
        what landed.
        """
        self.buffer = Buffer(self._limits)
        self._beating = []
        if self._task is not None:
            _, running = await asyncio.wait({self._task}, timeout=seconds)
            for task in running:
                task.cancel()
                await asyncio.wait({task})
            if running:
                self._task = None
        self.paused = False
        self._writer.reassigned()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        batch = self.buffer.take()
        beating, self._beating = self._beating, []
        await self._writer.write(batch)
        if beating and self._beats is not None:
            self._beats(beating)
        if self._stored is not None:
            await self._stored(batch)
        await self._commit(batch.offsets)


def _is_beat(row: Row) -> bool:
    return row.key[36:] == HEARTBEAT.encode()
