"""Records made safe on this machine's disk, many requests per sync, off the event loop."""

import asyncio
import errno
import logging
from collections.abc import Callable, KeysView, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from ingest.spool.frames import Contents, Lane, encode
from ingest.spool.store import Entry, Place, Store
from schemas.errors import Unavailable
from schemas.metrics import Metrics

log: Final = logging.getLogger(__name__)
T = TypeVar("T")
_FULL: Final = 507
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_BYTES: Final = 4 << 20


class _Waiter(NamedTuple):
    lane: Lane
    frame: bytes
    outcome: "asyncio.Future[Unavailable | None]"


class Spool:
    """A bounded queue on disk, one for each process; see :class:`ingest.spool.store.Store`.

    A sync takes as long as the disk takes, whatever it covers: one is under way at a time, and
    everybody who comes meanwhile shares the next one.

    Args:
        root: where the folders of all processes are.
        limit: bytes on disk of this process' folder.
        clock: Unix ms.
    """

    def __init__(
        self, root: Path, *, limit: int, metrics: Metrics, clock: Callable[[], int]
    ) -> None:
        self._root = root
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._store = Store(root, limit=limit)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._contents = Contents()
        self._on_disk = 0
        self._queued = 0
        self._fault: Unavailable | None = None
        self._overflowed = False
        self._waiters: list[_Waiter] = []
        self._committing: asyncio.Task[None] | None = None
        self._drained = asyncio.Event()

    @property
    def root(self) -> Path:
        """Where the folders of all processes are."""
        return self._root

    @property
    def trouble(self) -> str:
        """Why nothing can be spooled at present; "" when it can."""
        if self._fault is not None:
            return self._fault.message
        return self._full().message if self._overflowed else ""

    @property
    def records(self) -> int:
        """Number of records that wait."""
        return sum(frames for frames, _ in self._contents.lanes.values())

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._contents.lanes

    @property
    def lanes(self) -> KeysView[Lane]:
        """Partitions for which something waits."""
        return self._contents.lanes.keys()

    def held_bytes(self, lane: Lane) -> int:
        """Bytes that wait for one partition; 0 when the next record may overtake nothing."""
        return self._contents.lanes.get(lane, (0, 0))[1]

    async def start(self) -> None:
        """Own a folder and find what the process before left in it.

        Raises:
            OSError: the directory cannot be made, read or written; a full disk is no error yet.
            Foreign: another version's files are in it.
        """
        self._contents = await self._do(self._store.open)
        await self.adopt()
        try:
            await self._do(self._store.check)
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            self._fault = self._unwritable(error)
        if self.records:
            log.info("%s: %d records wait for Kafka", self._store.folder, self.records)
        self.report()

    async def stop(self) -> None:
        """Finish what was begun and let go of the folder; what waits in it stays."""
        while self._committing is not None:
            await self._committing
        if not self.empty:
            log.warning("%d records wait in %s for the next start", self.records, self._root)
        await self._do(self._store.close)
        self._thread.shutdown()

    async def put(self, lane: Lane, value: bytes) -> Unavailable | None:
        """Return once a record is on disk; or why it is not, and then nothing of it is stored."""
        frame = encode(lane, value, self._clock())
        self._overflowed = self._on_disk + self._queued + len(frame) > self._limit
        if self._overflowed:
            return self._full()
        waiter = _Waiter(lane, frame, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._queued += len(frame)
        # From now on nothing may overtake it, and the drain reads only what is durable.
        self._contents.add(lane, 1, len(frame))
        if self._contents.oldest is None:
            self._contents.oldest = self._clock()
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit(), name="spool")
        return await waiter.outcome

    async def read(self, start: Place, skip: frozenset[Lane]) -> tuple[list[Entry], Place | None]:
        """Read as :meth:`ingest.spool.store.Store.read` does, a few MB at a time."""
        return await self._do(lambda: self._store.read(start, _READ_BYTES, skip))

    async def forget(self, entries: Sequence[Entry]) -> None:
        """Note that records of one lane are where they belong; raises OSError."""
        places = [entry.place for entry in entries]
        await self._do(lambda: self._store.mark(places))
        size = sum(entry.size for entry in entries)
        self._contents.add(entries[0].lane, -len(entries), -size)
        self._overflowed = False
        self._metrics.add("headrace_ingest_spool_drained_total", len(entries))
        self.report()
        self._drained.set()
        self._drained = asyncio.Event()

    def note_oldest(self, at: int) -> None:
        """Learn when the oldest record that waits was spooled, Unix ms."""
        self._contents.oldest = at

    async def shrunk(self) -> None:
        """Return when records have been drained."""
        await self._drained.wait()

    async def adopt(self) -> int:
        """Take over what ended processes left; the number of records. Raises OSError."""
        found = await self._do(self._store.adopt)
        records = sum(frames for frames, _ in found.lanes.values())
        if records:
            log.info("took over %d records of processes that have ended", records)
            self._contents.merge(found)
            self.report()
        return records

    async def check(self) -> None:
        """Find out whether the disk can be written."""
        try:
            await self._do(self._store.check)
        except OSError as error:
            self._fault = self._unwritable(error)
        else:
            self._fault = None

    @property
    def faulty(self) -> bool:
        """Whether the last write failed."""
        return self._fault is not None

    def report(self) -> None:
        """Set the gauges."""
        oldest, now = self._contents.oldest, self._clock()
        age = 0.0 if oldest is None else max(0, now - oldest) / 1000
        self._metrics.set("headrace_ingest_spool_bytes", self._on_disk)
        self._metrics.set("headrace_ingest_spool_records", self.records)
        self._metrics.set("headrace_ingest_spool_oldest_seconds", age)

    async def _commit(self) -> None:
        """Bring what waits to disk, one group after the other, until nothing waits."""
        while self._waiters:
            group, self._waiters = self._waiters, []
            frames = [waiter.frame for waiter in group]
            refusal = await self._write(frames)
            self._queued -= sum(map(len, frames))
            for waiter in group:
                if refusal is not None:
                    self._contents.add(waiter.lane, -1, -len(waiter.frame))
                waiter.outcome.set_result(refusal)
        self._committing = None
        self.report()

    async def _write(self, frames: list[bytes]) -> Unavailable | None:
        try:
            await self._do(lambda: self._store.append(frames))
        except OSError as error:
            if self._fault is None:
                log.error("nothing can be spooled: %s", error)  # noqa: TRY400 - it says why
            self._fault = self._unwritable(error)
        except Exception:
            log.exception("spooling failed")
            return Unavailable("spool-unwritable", "the spool failed; see the log of the server")
        else:
            self._fault = None
            self._metrics.add("headrace_ingest_spooled_total", len(frames))
            self._metrics.add("headrace_ingest_spool_syncs_total")
        return self._fault

    async def _do(self, work: Callable[[], T]) -> T:
        """Let the disk's one thread do something."""

        def counted() -> tuple[T, int]:
            return work(), self._store.size

        done, self._on_disk = await asyncio.get_running_loop().run_in_executor(
            self._thread, counted
        )
        return done

    def _full(self) -> Unavailable:
        return Unavailable(
            "spool-full",
            f"the spool is full ({self._limit} bytes) until Kafka has what waits: try again later",
        )

    def _unwritable(self, error: OSError) -> Unavailable:
        if error.errno in _NO_SPACE:
            return Unavailable(
                "disk-full",
                f"the spool's disk is full ({error.strerror}): try again later",
                status=_FULL,
            )
        return Unavailable(
            "spool-unwritable",
            f"the spool cannot be written ({error.strerror}): try again later",
        )
