"""The work of a run: the script in a thread, and what it asks for on the loop."""

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
from deploy.tasks.keep import SEALED_FOR
from deploy.tasks.load import Loading, load
from deploy.tasks.script import Failed, run_script
from deploy.tasks.stream import Opener
from deploy.tier import clock, new_id
from deploy.writes import Writer
from ingest.publish import KafkaPublisher
from schemas.errors import HeadraceError, Malformed
from schemas.metrics import Metrics
from schemas.reading import JsonObject
from schemas.task_runs import Due, Runs
from schemas.tasks import Task

log: Final = logging.getLogger(__name__)


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


class Work:
    """The script's own part of a run, in a thread; what it asks for is done on the loop.

    Args:
        runs: as they are since it was begun.
        save: keeps the state.
        file: keeps how far imports are.
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
        file: Callable[[Mapping[str, Any]], Coroutine[Any, Any, None]],
        over: Callable[[], Stopped | None],
    ) -> None:
        self._bench = bench
        self._task = task
        self._due = due
        self._save = save
        self._file = file
        self._over = over
        self._files = runs.files
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

    def load(self, options: Any) -> JsonObject:
        """Import files, whose time is not the run's; called by the script's thread."""
        began = time.monotonic()
        bench, host = self._bench, self.host
        try:
            opener = Opener(host.allowed, host.watch, bench.resolve)
            told: JsonObject = self._wait(load(self._loading(), options, opener))
            return told
        finally:
            spent = time.monotonic() - began
            host.deadline += spent
            self.emitter.extend(spent)

    def _loading(self) -> Loading:
        bench = self._bench
        return Loading(
            bench.settings,
            bench.tail,
            bench.publisher,
            self._task,
            self._due.dry,
            known=lambda: self._files,
            write=self._kept,
            over=self._over,
            say=self.host.say,
            hide=self.host.hide,
            count=self._count,
            hang_up=self.host.hang_up,
        )

    def _count(self, rows: int) -> None:
        self.host.events += rows
        self._bench.metrics.add("headrace_task_events_total", rows, source=self._task.source)

    async def _kept(self, files: Mapping[str, Any]) -> None:
        await self._file(files)
        self._files = files

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

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
