"""A script run here and now, for its author: nothing is stored and nothing is kept."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from deploy.declare import wait_for_kafka
from deploy.registry import Tail
from deploy.sealing import unseal
from deploy.settings import Settings
from deploy.tasks import templates
from deploy.tasks.keep import SEALED_FOR
from deploy.tasks.script import Failed
from deploy.tasks.working import Bench, Work
from deploy.tier import clock
from deploy.writes import Writer
from schemas.errors import Malformed
from schemas.metrics import Metrics
from schemas.task_runs import Due, Runs
from schemas.tasks import Draft, Task, changed, new_task

_KAFKA_SECONDS: Final = 10.0


async def attempt(
    settings: Settings, task_id: str, fields: Mapping[str, Any]
) -> tuple[Failed | None, tuple[str, ...], list[Any]]:
    """Run a script; returns what it failed of, its log and the first of its events.

    Args:
        task_id: of a task that is there, "" for none.
        fields: stand above what the task says.

    Raises:
        Malformed: ``task-unknown``, ``task-invalid``, ``secret-unreadable``.
    """
    await wait_for_kafka(settings.kafka, seconds=_KAFKA_SECONDS)
    tail = Tail(settings.kafka, settings.topics, tasks=True)
    await tail.start()
    try:
        draft = _draft(tail, task_id, fields)
        task = draft.task
        if task.template:
            task = replace(task, script=templates.find(task.template).script)
            templates.check(templates.find(task.template), task)
        runs = tail.tasks.runs(task_id) if task_id else Runs()
        secrets = _secrets(settings, task, draft.secrets)
        with ThreadPoolExecutor(1) as threads:
            writer = Writer(settings.kafka, tail)
            bench = Bench(settings, tail, writer, None, Metrics(), threads, "test")
            now = clock()
            runs = replace(runs, started_at=now)
            due = Due(now, now, dry=True)
            work = Work(bench, task, due, runs, save=_never, file=_never, over=lambda: None)
            failed = await work.run(secrets)
        return failed, work.host.lines(), work.emitter.tried
    finally:
        await tail.stop()


def _draft(tail: Tail, task_id: str, fields: Mapping[str, Any]) -> Draft:
    if not task_id:
        return new_task({"id": f"test-{int(time.time())}", **fields})
    found = tail.tasks.get(task_id.strip().lower())
    if found is None:
        raise Malformed("task-unknown", f"no task {task_id[:64]!r}", status=404)
    return changed(found, fields)


def _secrets(settings: Settings, task: Task, given: Mapping[str, str | None]) -> dict[str, str]:
    kept = {
        name: unseal(settings.ids(), sealed, SEALED_FOR, task.id, name)
        for name, sealed in task.secrets.items()
        if name not in given
    }
    return kept | {name: text for name, text in given.items() if text is not None}


async def _never(state: Mapping[str, Any]) -> None:
    """Keep nothing."""
