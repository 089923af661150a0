"""One run of a task: begun, done, ended; each in the record before the next."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

from deploy.registry import Tail
from deploy.sealing import unseal
from deploy.settings import SettingError, Settings
from deploy.tasks.addresses import networks
from deploy.tasks.connect import Resolve, resolved
from deploy.tasks.emit import Emitter
from deploy.tasks.host import Host, Stopped
from deploy.tasks.keep import SEALED_FOR, place_of_runs
from deploy.tasks.script import Failed, run_script
from deploy.tier import clock, new_id
from deploy.writes import Writer
from ingest.publish import KafkaPublisher
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.metrics import Metrics
from schemas.reading import JsonObject
from schemas.task_runs import Due, Result, Runs
from schemas.tasks import Task

log: Final = logging.getLogger(__name__)
MOVED: Final = "run-moved"
"""The run is somebody else's to go on with, and nothing is written of how it went here."""
TAKEN: Final = "run-taken-over"
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runs of a worker share; ``publisher`` None for one that only tries."""

    settings: Settings
    tail: Tail
    writer: Writer
    publisher: KafkaPublisher | None
    metrics: Metrics
    threads: Executor
    worker: str
    resolve: Resolve = resolved


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
        work = Work(bench, task, self._due, runs, save=self._save, over=lambda: self._over)
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

    async def _end(self, work: "Work", failed: Failed | None) -> None:
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

    async def _change(self, change: Callable[[Runs], Runs]) -> None:
        tail, topic = self._bench.tail, self._bench.settings.topics.task_runs.name
        place, runs = place_of_runs(tail, topic, self.task.id), tail.tasks.runs
        await self._bench.writer.put(place, lambda: change(runs(self.task.id)))


class Work:
    """The script's own part of a run, in a thread; what it asks for is done on the loop.

    Args:
        runs: as they are since it was begun.
        save: keeps the state.
        over: says why the run is to end, None while it may go on.
    """

    def __init__(
        self,
        bench: Bench,
        task: Task,
        due: Due,
        runs: Runs,
        *,
        save: Callable[[Mapping[str, Any]], Coroutine[Any, Any, None]],
        over: Callable[[], Stopped | None],
    ) -> None:
        self._bench = bench
        self._task = task
        self._due = due
        self._save = save
        self._loop = asyncio.get_running_loop()
        self.runs = runs
        deadline = time.monotonic() + task.timeout
        self.emitter = Emitter(
            bench.settings,
            task,
            tail=bench.tail,
            publisher=bench.publisher,
            metrics=bench.metrics,
            clock=clock,
            new_id=new_id,
            run=f"{task.id}:{'hand:' if due.by_hand else ''}{due.scheduled_at}",
            scheduled_at=due.scheduled_at,
            checkpoint=runs.checkpoint,
            over=over,
            deadline=deadline,
            dry=due.dry,
        )
        self.host = Host(
            self,
            {},
            (),
            dict(runs.state),
            deadline,
            lambda outcome: bench.metrics.add("headrace_task_requests_total", outcome=outcome),
            bench.resolve,
        )

    async def run(self, secrets: Mapping[str, str] | None = None) -> Failed | None:
        """Run the script to its end; what it failed of, None for nothing.

        Args:
            secrets: in clear, None for those of the task.
        """
        task, host = self._task, self.host
        try:
            host.secrets = secrets if secrets is not None else self._unsealed()
            host.allowed = networks(task.allow)
            await self._loop.run_in_executor(
                self._bench.threads,
                lambda: run_script(task.script, self._argument(), host, seconds=task.timeout),
            )
        except Failed as failed:
            return failed
        except HeadraceError as error:
            return Failed(error.code, error.message)
        except SettingError as error:
            return Failed("setting-missing", str(error))
        except Exception as error:  # seen where the task is looked at, not in a log alone
            log.exception("task %s could not be run", task.id)
            return Failed("internal", f"a fault of headrace's: {type(error).__name__}, see the log")
        return None

    def emit(self, events: Sequence[Any]) -> None:
        """Make events safe; called by the script's thread."""
        self._wait(self.emitter.emit(events))

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep the state; called by the script's thread."""
        if self._due.dry:
            return
        try:
            self._wait(self._save(state))
        except Malformed as error:
            raise Stopped(error.code, error.message) from error
        self.emitter.saved()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _unsealed(self) -> dict[str, str]:
        task = self._task
        if not task.secrets:
            return {}
        ids = self._bench.settings.ids()
        return {
            name: unseal(ids, sealed, SEALED_FOR, task.id, name)
            for name, sealed in task.secrets.items()
        }

    def _argument(self) -> JsonObject:
        due, results = self._due, self.runs.results
        done = (each for each in results if each.outcome == "done" and not each.dry)
        last = next(done, None)
        return {
            "id": self._task.id,
            "source": self._task.source,
            "parameters": dict(self._task.parameters),
            "scheduled_at": due.scheduled_at,
            "started_at": self.runs.started_at,
            "last_success_at": last.scheduled_at if last else None,
            "by_hand": due.by_hand,
            "dry": due.dry,
        }
