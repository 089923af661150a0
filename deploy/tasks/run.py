"""One run of a task: begun, done, ended; each in the record before the next."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from deploy.tasks.host import Host, Stopped
from deploy.tasks.keep import place_of_runs
from deploy.tasks.script import Failed
from deploy.tasks.working import Bench, Work
from deploy.tier import clock
from schemas.errors import Malformed, Unavailable
from schemas.task_runs import Due, Result, Runs
from schemas.tasks import Task

log: Final = logging.getLogger(__name__)
MOVED: Final = "run-moved"
"""The run is somebody else's to go on with, and nothing is written of how it went here."""
TAKEN: Final = "run-taken-over"
_RETRY_SECONDS: Final = 1.0


class Run:
    """A run that is to be begun.

    Attributes:
        task: as it was when the run was chosen.
    """

    def __init__(self, bench: Bench, task: Task, due: Due, seen: Runs) -> None:
        self.task = task
        self._bench = bench
        self._due = due
        self._seen = seen
        self._epoch = 0
        self._host: Host | None = None
        self._over: Stopped | None = None

    def stop(self, code: str, message: str) -> None:
        """End it where the script next asks for something."""
        self._over = Stopped(code, message)
        if self._host is not None:
            self._host.stop(self._over)

    async def work(self) -> None:
        """Run it to its end, whatever that is.

        Raises:
            HeadraceError: it was not begun, or how it ended could not be written.
        """
        bench, task = self._bench, self.task
        runs = await self._begin()
        began = time.monotonic()
        work = Work(
            bench, task, self._due, runs, save=self._save, file=self._file, over=lambda: self._over
        )
        try:
            self._host = work.host
            if self._over is not None:
                self._host.stop(self._over)
            failed = await work.run()
        finally:
            await work.emitter.close()
        if failed is not None and failed.code in {MOVED, TAKEN}:
            log.info("task %s: %s", task.id, failed.message)
            return
        await self._end(work, failed)
        outcome = "failed" if failed else "done"
        bench.metrics.add("headrace_task_runs_total", task=task.id, outcome=outcome)
        spent = time.monotonic() - began
        bench.metrics.add("headrace_task_run_seconds_total", spent, task=task.id)
        if failed is None:
            bench.metrics.set("headrace_task_last_success_ms", clock(), task=task.id)
        else:
            log.warning("task %s failed: %s (%s)", task.id, failed.message, failed.code)

    async def _begin(self) -> Runs:
        def begun(runs: Runs) -> Runs:
            if (runs.epoch, runs.asked_at) != (self._seen.epoch, self._seen.asked_at):
                raise Malformed(TAKEN, "another worker began it first", status=409)
            return runs.begun(self._due, self._bench.worker, clock())

        await self._change(begun)
        self._epoch = self._seen.epoch + 1
        return self._bench.tail.tasks.runs(self.task.id)

    async def _end(self, work: Work, failed: Failed | None) -> None:
        """Write how it ended, for as long as Kafka takes to come back."""
        state = None if failed or self._due.dry else work.host.state
        result = Result(
            self._due.scheduled_at,
            work.runs.started_at,
            clock(),
            "failed" if failed else "done",
            work.host.events,
            code=failed.code if failed else "",
            message=failed.message if failed else "",
            stack=failed.stack if failed else "",
            by_hand=self._due.by_hand,
            dry=self._due.dry,
        )
        tried = tuple(work.emitter.tried)

        def ended(runs: Runs) -> Runs:
            return runs.ended(self._epoch, result, state=state, log=work.host.lines(), tried=tried)

        while True:
            try:
                await self._change(ended)
            except Unavailable as error:
                if self._over is not None:
                    raise
                log.warning("task %s: how it ended is not written: %s", self.task.id, error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _save(self, state: Mapping[str, Any]) -> None:
        await self._change(lambda runs: runs.saved(self._epoch, state))

    async def _file(self, files: Mapping[str, Any]) -> None:
        await self._change(lambda runs: runs.filed(self._epoch, files))

    async def _change(self, change: Callable[[Runs], Runs]) -> None:
        tail, topic = self._bench.tail, self._bench.settings.topics.task_runs.name
        place, runs = place_of_runs(tail, topic, self.task.id), tail.tasks.runs
        await self._bench.writer.put(place, lambda: change(runs(self.task.id)))
