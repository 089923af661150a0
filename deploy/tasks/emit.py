"""Events of a run -> records that are safe, as any edge's; a run done twice stores none twice.

An event without an id of its own is named after the run's time, how often the run had saved its
state by then, what the event says, and how often it had said the same since. So a run that is done
again, perhaps by another worker and perhaps with more to fetch, gives the same events the same ids,
and what is new gets new ones.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from typing import Any, Final

from deploy.imports.pressure import Pressure
from deploy.imports.work import groups
from deploy.registry import Tail
from deploy.settings import Settings
from deploy.tasks.host import Stopped
from ingest import frozen
from ingest.accept import stamp
from ingest.publish import KafkaPublisher
from schemas import codec
from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.metrics import Metrics
from schemas.reading import JsonObject, bound_line, id_text
from schemas.sources import Source
from schemas.tasks import Task
from schemas.topics import MAX_EVENT_BYTES
from schemas.vendor import Batch, Draft, Grant, Request
from schemas.wire import tasks
from schemas.wire.tasks.event import checked, draft

AHEAD: Final = 1_000
"""Events of a run after which it waits for the tiers, as an import does."""
UNNAMED: Final = 200_000
"""Events without ids between two times that the state is saved: they are all remembered."""
TRIED: Final = 20
TRIED_BYTES: Final = 64 << 10
_ENVELOPE_BYTES: Final = 16 << 10
_RETRY_SECONDS: Final = 0.5
_WHERE: Final = ("events",)


def source_of(tail: Tail, task: Task) -> Source:
    """Find the source of a task's events.

    Raises:
        Malformed: ``source-unknown``.
        Refused: ``source-disabled``.
    """
    source = tail.registry.get(task.source)
    if source is None:
        message = f"there is no event source {task.source} any more"
        raise Malformed("source-unknown", message, status=404)
    if not source.enabled:
        raise Refused("source-disabled", f"event source {source.id} is disabled")
    return source


class Emitter:
    """Publishes the events of one run.

    Args:
        run: names the run; the same when it is done again.
        scheduled_at: the time of events that have none, Unix ms.
        checkpoint: how often the run had saved its state when it was begun.
        over: says why the run is to end, None while it may go on.
        deadline: of the run, by :func:`time.monotonic`.
        dry: publish nothing.

    Attributes:
        tried: the first events of a run that publishes nothing.
    """

    def __init__(
        self,
        settings: Settings,
        task: Task,
        *,
        tail: Tail,
        publisher: KafkaPublisher | None,
        metrics: Metrics,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        run: str,
        scheduled_at: int,
        checkpoint: int,
        over: Callable[[], Stopped | None],
        deadline: float,
        dry: bool = False,
    ) -> None:
        self._settings = settings
        self._task = task
        self._tail = tail
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id
        self._run = run
        self._shared = codec.dumps({"task": task.id, "scheduled_at": scheduled_at})
        self._checkpoint = checkpoint
        self._over = over
        self._deadline = deadline
        self._dry = dry
        self._seen: Counter[bytes] = Counter()
        self._sent = 0
        self._tried_bytes = 0
        self._stack = AsyncExitStack()
        self._pressure: Pressure | None = None
        self.tried: list[Any] = []

    async def close(self) -> None:
        """Let go of what was opened on the way."""
        await self._stack.aclose()

    def extend(self, seconds: float) -> None:
        """Let the run end so much later."""
        self._deadline += seconds

    def saved(self) -> None:
        """Note that the state was saved: what is the same from here on is another event."""
        self._checkpoint += 1
        self._seen.clear()

    async def emit(self, events: Sequence[Any]) -> None:
        """Return when all events are safe and the tiers are not too far behind.

        Raises:
            Malformed, Refused: nothing of it was published: an event is wrong, or the source is
                not there, is disabled, or has a frozen schema that no event fits.
            Stopped: the run is over.
        """
        source = source_of(self._tail, self._task)
        drafts = [self._draft(event, number) for number, event in enumerate(events)]
        if self._dry or self._publisher is None:
            self._try(source, events, drafts)
            return
        for some in groups(drafts, source.limits.events_per_request):
            await self._publish(self._publisher, source, some)
        self._metrics.add("headrace_task_events_total", len(drafts), source=source.id)
        await self._pace(len(drafts))

    def _draft(self, event: Any, number: int) -> Draft:
        event = checked(event, (*_WHERE, number))
        line = codec.dumps(event)
        bound_line(line, event)
        if len(line) > MAX_EVENT_BYTES - _ENVELOPE_BYTES:
            raise Malformed("event-too-large", f"an event has at most {MAX_EVENT_BYTES} bytes")
        return draft(event, line, "" if id_text(event.get("id")) else self._name(line))

    def _name(self, line: bytes) -> str:
        digest = sha256(line).digest()[:12]
        if len(self._seen) >= UNNAMED and digest not in self._seen:
            message = f"more than {UNNAMED} events without an id: give them ids, or state.save()"
            raise Malformed("too-many-events", message, status=413)
        self._seen[digest] += 1
        return f"{self._run}:{self._checkpoint}:{digest.hex()}:{self._seen[digest]}"

    def _try(self, source: Source, events: Sequence[JsonObject], drafts: Sequence[Draft]) -> None:
        self._stamped(source, drafts, self._clock())
        for event, made in zip(events, drafts, strict=True):
            self._tried_bytes += len(made.body)
            if len(self.tried) < TRIED and self._tried_bytes <= TRIED_BYTES:
                self.tried.append(event)

    def _stamped(self, source: Source, drafts: Sequence[Draft], now: int) -> dict[int, list[bytes]]:
        accepted = stamp(
            Batch(tuple(drafts), shared=self._shared),
            request=Request(self._task.id, "POST", {}, {}, {}, b"", "", now),
            grant=Grant(source),
            protocol=tasks.NAME,
            partitions=self._settings.partitions,
            new_id=self._new_id,
        )
        if not source.dynamic_schema:
            lines = (line for lines in accepted.lines.values() for line in lines)
            frozen.check(lines, tasks, self._tail.catalog)
        return accepted.lines

    async def _publish(
        self, publisher: KafkaPublisher, source: Source, drafts: Sequence[Draft]
    ) -> None:
        now = self._clock()
        lines = self._stamped(source, drafts, now)
        topic = self._settings.topics.raw(source.id).name
        trouble: Unavailable | None = None
        while True:
            self._go_on(trouble)
            try:
                await publisher.publish(topic, lines, now)
            except Unavailable as error:
                trouble = error
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    def _go_on(self, trouble: HeadraceError | None) -> None:
        """Raise Stopped where the run is over."""
        over = self._over()
        if over is not None:
            raise over
        if time.monotonic() >= self._deadline:
            if trouble is not None:
                raise Stopped(trouble.code, trouble.message)
            raise Stopped("run-timeout", "the run took longer than its timeout")

    async def _pace(self, events: int) -> None:
        self._sent += events
        if self._sent < AHEAD:
            return
        if self._pressure is None:
            topic = self._settings.topics.raw(self._task.source)
            pressure = Pressure(
                self._settings, topic, ahead=AHEAD, rate=0, waiting=lambda _: self._go_on(None)
            )
            self._pressure = await self._stack.enter_async_context(pressure)
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                await self._pressure.pace(events, lambda: None)
        except TimeoutError:
            self._go_on(Unavailable("pipeline-behind", "the tiers are behind: the run waited"))
