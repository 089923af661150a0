"""Group commit: one sync at a time, and everybody who comes meanwhile shares the next one.

A sync takes as long as the disk takes, whatever it covers, so under load each one covers more
requests instead of the requests waiting in line. It runs in a thread; the event loop goes on.
"""

import asyncio
import logging
from collections.abc import Iterable

from .log import PartitionLog, PendingSync

_log = logging.getLogger(__name__)


class Flusher:
    """Makes appended records durable, then visible."""

    def __init__(self, *, fsync: bool) -> None:
        """With `fsync` off, records are visible at once and durable when the kernel says so."""
        self._fsync = fsync
        self._dirty: set[PartitionLog] = set()
        self._next: asyncio.Future[frozenset[PartitionLog]] | None = None
        self._task: asyncio.Task[None] | None = None
        self.syncs = 0
        self.failures = 0

    def cover(self, logs: Iterable[PartitionLog]) -> asyncio.Future[frozenset[PartitionLog]] | None:
        """Arrange that what was appended to `logs` becomes durable.

        None when there is nothing to wait for; else a future with the logs that failed.
        """
        if not self._fsync:
            for log in logs:
                log.publish()
            return None
        unsafe = [log for log in logs if log.high_watermark < log.end_offset]
        if not unsafe:
            return None
        self._dirty.update(unsafe)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return self._next

    async def drain(self) -> None:
        """Return when nothing is waiting for a sync any more."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            while self._next is not None:
                dirty, waiting = self._dirty, self._next
                self._dirty, self._next = set(), None
                try:
                    waiting.set_result(await self._sync(dirty))
                except Exception as error:
                    waiting.set_exception(error)
                    raise
        finally:
            self._task = None

    async def _sync(self, dirty: set[PartitionLog]) -> frozenset[PartitionLog]:
        failed: set[PartitionLog] = set()
        begun: list[tuple[PartitionLog, PendingSync]] = []
        for log in dirty:
            if log.deleted:
                failed.add(log)
                continue
            try:
                begun.append((log, log.begin_sync()))
            except OSError:
                _log.exception("cannot sync %s", log.directory)
                failed.add(log)
        errors = await asyncio.get_running_loop().run_in_executor(None, _run_all, begun)
        self.syncs += 1
        for (log, pending), error in zip(begun, errors, strict=True):
            if error is None:
                log.finish_sync(pending)
            else:
                _log.error("cannot sync %s: %s", log.directory, error)
                failed.add(log)
        for log in failed:
            self.failures += 1
            log.fall_back()
        return frozenset(failed)


def _run_all(begun: list[tuple[PartitionLog, PendingSync]]) -> list[OSError | None]:
    errors: list[OSError | None] = []
    for _, pending in begun:
        try:
            pending.run()
        except OSError as error:
            errors.append(error)
        else:
            errors.append(None)
    return errors
