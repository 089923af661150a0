"""The import itself: parts read, rows published as the edge does, progress kept."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.imports.chunks import Chunk, Wish, chunks, plan_for
from deploy.imports.kinds import container_for, stem_of
from deploy.imports.places import Place, size_of
from deploy.imports.pressure import Pressure
from deploy.imports.state import Aside, Done, Kept
from deploy.imports.tables import rows
from deploy.imports.unpack import BROKEN, USUAL, Bounds, Counted, Part, parts
from deploy.registry import Tail
from deploy.tier import clock, new_id
from ingest import frozen
from ingest.accept import stamp
from ingest.ending import over
from ingest.publish import KafkaPublisher
from schemas import codec
from schemas.errors import Malformed, Unavailable
from schemas.rows import Row
from schemas.sources import Source
from schemas.topics import Topics
from schemas.vendor import Batch, Draft, Grant, Request
from schemas.wire import imports
from schemas.wire.imports import unread
from schemas.wire.imports.plan import Plan

_ROWS: Final = 500
"""Rows of one chunk; as many events as a busy edge packs into one record or two."""
_BYTES: Final = 4 << 20
_AT_ONCE: Final = 4
_SAVE_SECONDS: Final = 0.25
"""What a crash has sent again at most, and a fraction of what a sync costs."""
_RETRY_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of an import as it goes on; bytes are of the file as it lies there."""

    name: str
    read: int
    size: int
    sent: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be imported.

    Attributes:
        container: what kind of files they are, "" to look at each.
        wish: how rows become events.
        bounds: how far they are unwrapped.
    """

    places: tuple[Place, ...]
    wish: Wish
    container: str = ""
    bounds: Bounds = USUAL


class Import:
    """Publishes the rows of files.

    Args:
        publisher: started and stopped by the caller, like ``tail``.
        tell: is called often.
        waiting: is told what holds it up for long.
    """

    def __init__(
        self,
        job: Job,
        source: Source,
        *,
        topics: Topics,
        publisher: KafkaPublisher,
        tail: Tail,
        pressure: Pressure,
        kept: Kept,
        rejects: Aside,
        tell: Callable[[Told], None],
        waiting: Callable[[str], None],
    ) -> None:
        self._job = job
        self._source = source
        self._topics = topics
        self._publisher = publisher
        self._tail = tail
        self._pressure = pressure
        self._kept = kept
        self._rejects = rejects
        self._tell = tell
        self._waiting = waiting
        self._saved = 0.0
        self._size = min(_ROWS, source.limits.events_per_request)

    async def run(self) -> None:
        """Import every file; what is done is kept also when this ends early.

        Raises:
            Malformed: a file as a whole is wrong.
            Unavailable: a file cannot be read on; run it again.
        """
        try:
            for place in self._job.places:
                await self._file(place)
        finally:
            self._save()

    async def _file(self, place: Place) -> None:
        stream = await asyncio.to_thread(place.open)
        with contextlib.closing(stream):
            counted, size = Counted(stream), size_of(stream, place)
            every = parts(place.name, counted, self._job.bounds)
            while (part := await _next(every)) is not None:
                try:
                    await self._part(part, counted, size)
                except BROKEN as error:
                    message = f"{part.name} is broken: {error}"
                    raise Malformed("archive-invalid", message) from error

    async def _part(self, part: Part, counted: Counted, size: int) -> None:
        done = self._kept.state.part(part.name, part.stream)
        plan, ready = await asyncio.to_thread(self._begin, part, done)
        self._save()  # the plan: a run that goes on must not decide anew
        under_way: deque[tuple[Chunk, asyncio.Task[None]]] = deque()
        try:
            while (chunk := await _next(ready)) is not None:
                task = asyncio.create_task(self._publish(chunk, plan, part.name, done))
                under_way.append((chunk, task))
                if len(under_way) >= _AT_ONCE:
                    await self._settle(under_way, part, done)
                    self._told(part, counted, size)
            while under_way:
                await self._settle(under_way, part, done)
        finally:
            await over(*(task for _, task in under_way))
        self._told(part, counted, size)
        self._save()

    def _begin(self, part: Part, done: Done) -> tuple[Plan, Iterator[Chunk]]:
        container = self._job.container or container_for(self._job.wish.format, part)
        found = rows(container, part.stream, held=self._job.bounds.held)
        began = self._kept.state.began
        plan, found = plan_for(found, self._job.wish, container, began, stem_of(part), done)
        return plan, chunks(found, plan, done, self._size)

    async def _publish(self, chunk: Chunk, plan: Plan, name: str, done: Done) -> None:
        """Return when a chunk's events are safe; what a frozen schema refuses is set aside."""
        if not self._source.dynamic_schema:
            self._hold_to_schema(chunk, plan)
        shared = codec.dumps(plan.shared())
        for drafts in groups(chunk.drafts, self._size):
            now = clock()
            await self._safe(self._stamp(drafts, shared, plan.format, now), now)
        letters: dict[int, list[bytes]] = {}
        now = clock()
        for letter in self._rejects.letters(name, done, chunk.rejected):
            stamped = self._stamp([letter.draft], letter.shared, unread.ENDPOINT, now)
            for partition, lines in stamped.items():
                letters.setdefault(partition, []).extend(lines)
        if letters:
            await self._safe(letters, now)

    async def _safe(self, lines: dict[int, list[bytes]], now: int) -> None:
        topic = self._topics.raw(self._source.id).name
        while True:
            try:
                await self._publisher.publish(topic, lines, now)
            except Unavailable as error:
                self._waiting(f"Kafka: {error.message}")
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    def _stamp(
        self, drafts: Sequence[Draft], shared: bytes, endpoint: str, now: int
    ) -> dict[int, list[bytes]]:
        accepted = stamp(
            Batch(tuple(drafts), shared=shared),
            request=Request(endpoint, "POST", {}, {}, {}, b"", "", now),
            grant=Grant(self._source),
            protocol=imports.NAME,
            partitions=self._topics.partitions,
            new_id=new_id,
        )
        return accepted.lines

    def _hold_to_schema(self, chunk: Chunk, plan: Plan) -> None:
        every, chunk.drafts = chunk.drafts, []
        shared = codec.dumps(plan.shared())
        for draft, line in zip(every, chunk.lines, strict=True):
            try:
                for lines in self._stamp([draft], shared, plan.format, clock()).values():
                    frozen.check(lines, imports, self._tail.catalog)
            except Malformed as error:
                text = draft.body.decode("utf-8", "replace")
                chunk.rejected.append((Row(line, text=text), error))
            else:
                chunk.drafts.append(draft)

    async def _settle(
        self, under_way: deque[tuple[Chunk, asyncio.Task[None]]], part: Part, done: Done
    ) -> None:
        """Wait for the oldest chunk, note it, and give the tiers the time that they need."""
        chunk, task = under_way[0]
        await task
        under_way.popleft()
        state = self._kept.state
        for row, error in chunk.rejected:
            self._rejects.add(part.name, row.line, error, row.text or row.value)
        done.rows, done.check = chunk.rows, chunk.check
        state.sent += len(chunk.drafts)
        state.rejected += len(chunk.rejected)
        if time.monotonic() - self._saved > _SAVE_SECONDS:
            self._save()
        await self._pressure.pace(len(chunk.drafts), self._save)

    def _save(self) -> None:
        self._kept.state.rejects_bytes = self._rejects.settle()
        self._kept.save()
        self._saved = time.monotonic()

    def _told(self, part: Part, counted: Counted, size: int) -> None:
        state = self._kept.state
        self._tell(Told(part.name, counted.count, size, state.sent, state.rejected))


async def _next(iterator: Iterator[Any]) -> Any:
    """Take the next without holding up the loop; None at the end."""
    return await asyncio.to_thread(next, iterator, None)


def groups(drafts: Sequence[Draft], most: int) -> Iterator[Sequence[Draft]]:
    """Cut drafts into what one request may have, by their number and by their bytes."""
    start = size = 0
    for end, draft in enumerate(drafts):
        if end > start and (end - start >= most or size + len(draft.body) > _BYTES):
            yield drafts[start:end]
            start, size = end, 0
        size += len(draft.body)
    if start < len(drafts):
        yield drafts[start:]
