"""A worker: runs the tasks whose ids fall into its share of the partitions, each when it is due.

Kafka's group protocol shares the partitions of a topic without records among the workers; a worker
that dies loses its share to the others after the session's time-out. What it had begun is in the
record of the task's runs, and whoever has the share then does it again.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from deploy.tasks.run import MOVED, Run
from deploy.tasks.times import times_of
from deploy.tasks.working import Bench
from deploy.tier import clock
from ingest.connecting import connect
from ingest.ending import ended
from schemas.errors import HeadraceError, Malformed
from schemas.task_runs import STOPPED, Due, next_run
from schemas.tasks import Task
from schemas.topics import partition_of
from schemas.wire.tasks.replies import STATUSES, status

log: Final = logging.getLogger(__name__)
AT_ONCE: Final = 4
"""Runs of one worker."""
_SESSION_MS: Final = 6_000
_HEARTBEAT_MS: Final = 1_500
_POLL_MS: Final = 1_000
_LONGEST_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 1.0
_LEAVE_SECONDS: Final = 5.0


class Share(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """This worker's share of the partitions.

    Between two shares the old one holds: most partitions come back to whom they were taken from,
    and what is done twice in between is stored once.

    Attributes:
        known: it was told, at least once; it may be nothing.
        changed: set whenever it is told.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._mine: frozenset[int] = frozenset()
        self.known = False
        self.changed = asyncio.Event()

    def has(self, task_id: str) -> bool:
        """Tell whether a task is this worker's."""
        return partition_of(task_id, self._partitions) in self._mine

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Wait for what comes of it."""

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Take the new share."""
        self._mine = frozenset(each.partition for each in assigned)
        self.known = True
        self.changed.set()

    def lose(self) -> None:
        """Have no share any more."""
        self._mine = frozenset()
        self.changed.set()


class Worker:
    """Runs tasks until it is told to stop."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._share = Share(bench.settings.partitions)
        self._running: dict[str, tuple[Run, asyncio.Task[None]]] = {}
        self._resting: dict[str, int] = {}

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Run what is due; returns when everything of this worker's has ended."""
        sharing = asyncio.create_task(self._share_out(ready), name="share")
        try:
            while not stop.is_set():
                revision = self._bench.tail.tasks.revision
                self._share.changed.clear()
                self._give_back()
                seconds = self._begin_what_is_due()
                await self._something(stop, revision, seconds)
        finally:
            sharing.cancel()
            await self._leave()
            await ended(sharing)

    async def _something(self, stop: asyncio.Event, revision: int, seconds: float) -> None:
        """Wait until there may be something to do."""
        waits = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._share.changed.wait()),
            asyncio.create_task(self._bench.tail.tasks_changed(revision)),
        ]
        ends = [running for _, running in self._running.values()]
        try:
            await asyncio.wait(
                {*waits, *ends}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        for task_id, (_, running) in list(self._running.items()):
            if running.done():
                del self._running[task_id]
                self._settle(task_id, running)

    def _settle(self, task_id: str, running: asyncio.Task[None]) -> None:
        """Look at how the work at a run ended: the record says how the run did."""
        error = running.exception()
        if error is None:
            return
        code = error.code if isinstance(error, HeadraceError) else "internal"
        self._bench.metrics.add("headrace_task_failures_total", reason=code)
        if isinstance(error, HeadraceError):
            log.warning("task %s: %s (%s)", task_id, error.message, code)
        else:
            log.error("task %s could not be run", task_id, exc_info=error)
        self._resting[task_id] = clock() + int(_RETRY_SECONDS * 1000)

    def _give_back(self) -> None:
        """Stop what is not this worker's any more, or is not to run any more."""
        for task_id, (run, _) in self._running.items():
            if not self._share.has(task_id):
                run.stop(MOVED, "another worker has this task now")
            elif self._bench.tail.tasks.get(task_id) is None:
                run.stop(MOVED, "the task was deleted")
            elif self._bench.tail.tasks.runs(task_id).stopping:
                run.stop(STOPPED, "somebody stopped it")

    def _begin_what_is_due(self) -> float:
        """Begin runs; returns for how many seconds there is nothing more to begin."""
        now, tail = clock(), self._bench.tail
        mine = [task for task in tail.tasks.all() if self._share.has(task.id)]
        waiting = []
        for task in mine:
            due = self._due(task, now) if task.id not in self._running else None
            if due is not None:
                waiting.append((max(due.at, self._resting.get(task.id, 0)), task, due))
        waiting.sort(key=lambda each: each[0])
        while waiting and waiting[0][0] <= now and len(self._running) < AT_ONCE:
            _, task, due = waiting.pop(0)
            self._begin(task, due)
        late = [now - at for at, *_ in waiting if at <= now]
        self._count(mine, max(late, default=0))
        ahead = [(at - now) / 1000 for at, *_ in waiting if at > now]
        return min([*ahead, _LONGEST_SECONDS])

    def _count(self, mine: list[Task], late: int) -> None:
        counts = dict.fromkeys(STATUSES, 0)
        for task in mine:
            counts[status(task, self._bench.tail.tasks.runs(task.id))] += 1
        for name, count in counts.items():
            self._bench.metrics.set("headrace_tasks", count, status=name)
        self._bench.metrics.set("headrace_task_late_seconds", late / 1000)

    def _due(self, task: Task, now: int) -> Due | None:
        try:
            return next_run(task, self._bench.tail.tasks.runs(task.id), times_of(task), now)
        except Malformed as error:  # a time zone that this host does not know
            self._bench.metrics.add("headrace_task_failures_total", reason=error.code)
            log.warning("task %s cannot be timed: %s", task.id, error.message)
            return None

    def _begin(self, task: Task, due: Due) -> None:
        self._resting.pop(task.id, None)
        run = Run(self._bench, task, due, self._bench.tail.tasks.runs(task.id))
        self._running[task.id] = run, asyncio.create_task(run.work(), name=f"task-{task.id}")

    async def _leave(self) -> None:
        """Let runs that are nearly done end; the others are gone on with by somebody else."""
        running = [work for _, work in self._running.values()]
        if running:
            await asyncio.wait(running, timeout=_LEAVE_SECONDS)
        for run, _ in self._running.values():
            run.stop(MOVED, "this worker stops")
        await asyncio.gather(*running, return_exceptions=True)

    async def _share_out(self, ready: Callable[[], None]) -> None:
        """Be a member of the group for ever."""
        settings = self._bench.settings
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=settings.kafka,
                group_id=settings.task_group,
                client_id=self._bench.worker,
                enable_auto_commit=False,
                auto_offset_reset="latest",
                session_timeout_ms=_SESSION_MS,
                heartbeat_interval_ms=_HEARTBEAT_MS,
            )
            try:
                await connect(consumer)
                consumer.subscribe([settings.topics.task_turns.name], listener=self._share)
                while True:
                    await consumer.getmany(timeout_ms=_POLL_MS)
                    if self._share.known:
                        ready()
            except (KafkaError, OSError) as error:
                log.warning("the workers' group: %s; trying again", error)
            except Exception:
                log.exception("sharing tasks failed; trying again")
            finally:
                self._share.lose()
                await consumer.stop()
            await asyncio.sleep(_RETRY_SECONDS)
