"""Scheduled tasks as they are made and changed; every definition is written here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from deploy.registry import Tail
from deploy.sealing import sealing
from deploy.settings import Settings
from deploy.tasks import templates
from deploy.tasks.addresses import networks
from deploy.tasks.times import checked, times_of
from deploy.unknown import unknown
from deploy.writes import Place, Writer, place_of
from schemas.errors import Malformed
from schemas.sources import Source
from schemas.task_commands import (
    ChangeTask,
    CreateTask,
    DeleteTask,
    ForgetState,
    Kept,
    ListTasks,
    ListTemplates,
    RunTask,
    ShowTask,
    StopRun,
    Template,
)
from schemas.task_runs import Runs, next_run
from schemas.tasks import MAX_TASKS, Draft, Task, changed, new_task, wrong

SEALED_FOR: Final = "task"


class Tasks:
    """The tasks of an installation; see :class:`deploy.desk.Desk` for what is raised.

    Args:
        source: finds an event source.
        clock: Unix ms.
    """

    def __init__(
        self,
        settings: Settings,
        tail: Tail,
        writer: Writer,
        *,
        source: Callable[[str], Source],
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._seal = sealing(settings)
        self._tail = tail
        self._writer = writer
        self._source = source
        self._clock = clock
        self.asks: Mapping[type, Callable[[Any], Any]] = {
            ListTasks: self.list,
            ShowTask: self.show,
            ListTemplates: self.templates,
        }
        self.writes: Mapping[type, Callable[[Any], Any]] = {
            CreateTask: self.create,
            ChangeTask: self.change,
            DeleteTask: self.delete,
            RunTask: self.run,
            StopRun: self.stop,
            ForgetState: self.forget,
        }

    async def list(self, command: ListTasks) -> tuple[Kept, ...]:  # noqa: ARG002
        """All tasks, by id."""
        return tuple(self._kept(task) for task in self._tail.tasks.all())

    async def show(self, command: ShowTask) -> Kept:
        """One task."""
        return self._kept(self._find(command.task_id))

    async def templates(self, command: ListTemplates) -> tuple[Template, ...]:  # noqa: ARG002
        """All templates, by name."""
        return templates.every()

    async def create(self, command: CreateTask) -> Kept:
        """Make a task."""
        given, now = new_task(command.fields), self._clock()
        made = self._sealed(given, replace(given.task, since=now, created_at=now, updated_at=now))

        def draft() -> Task:
            if self._tail.tasks.get(made.id):
                message = f"there is a task {made.id!r} already"
                raise Malformed("task-exists", message, status=409)
            if len(self._tail.tasks.all()) >= MAX_TASKS:
                message = f"there are {MAX_TASKS} tasks already: delete some"
                raise Malformed("too-many-tasks", message, status=409)
            return self._checked(made)

        draft()
        # what a task of this name left behind must not begin where that ended
        await self._change_runs(made.id, lambda _: Runs(epoch=self._epoch(made.id)))
        return self._kept(await self._writer.put(self._place(made.id), draft, of_all=True))

    async def change(self, command: ChangeTask) -> Kept:
        """Change fields of a task."""
        found = self._find(command.task_id)

        def draft() -> Task:
            old, now = self._find(found.id), self._clock()
            given = changed(old, command.changes)
            new = self._sealed(given, replace(given.task, updated_at=now))
            if new.schedule != old.schedule or (new.enabled and not old.enabled):
                new = replace(new, since=now)
            return self._checked(new)

        return self._kept(await self._writer.put(self._place(found.id), draft))

    async def delete(self, command: DeleteTask) -> None:
        """Take a task away, and its state."""
        task_id = self._find(command.task_id).id
        await self._writer.drop(self._place(task_id), lambda: self._find(task_id))
        await self._writer.drop(self._place_of_runs(task_id))

    async def run(self, command: RunTask) -> Kept:
        """Have a task run now."""
        task_id = self._find(command.task_id).id
        now = self._clock()
        await self._change_runs(task_id, lambda runs: runs.asked(now, dry=command.dry))
        return self._kept(self._find(task_id))

    async def stop(self, command: StopRun) -> Kept:
        """Have the run that is under way end."""
        task_id = self._find(command.task_id).id
        await self._change_runs(task_id, lambda runs: runs.stop())
        return self._kept(self._find(task_id))

    async def forget(self, command: ForgetState) -> Kept:
        """Let a task begin anew."""
        task_id = self._find(command.task_id).id

        def fresh(runs: Runs) -> Runs:
            if runs.worker:
                raise Malformed("task-running", "it runs at this moment: wait", status=409)
            return replace(runs, state={}, files={}, failures=0, not_before=0)

        await self._change_runs(task_id, fresh)
        return self._kept(self._find(task_id))

    def _find(self, task_id: str) -> Task:
        found = self._tail.tasks.get(task_id.strip().lower())
        if found is None:
            raise unknown("task", task_id, [task.id for task in self._tail.tasks.all()])
        return found

    def _kept(self, task: Task) -> Kept:
        runs = self._tail.tasks.runs(task.id)
        due = next_run(task, runs, times_of(task), self._clock())
        return Kept(task, runs, due.at if due else 0)

    def _checked(self, task: Task) -> Task:
        """Hold a task against what is there: its source, its times, its networks, its template."""
        try:
            self._source(task.source)
        except Malformed as error:
            raise wrong("source", error.message) from error
        networks(task.allow)
        if task.template:
            template = templates.find(task.template)
            templates.check(template, task)
            task = replace(task, script=template.script)
        return checked(task, self._clock())

    def _sealed(self, draft: Draft, task: Task) -> Task:
        secrets = dict(task.secrets)
        for name, text in draft.secrets.items():
            if text is None:
                secrets.pop(name, None)
                continue
            secrets[name] = self._seal(text, SEALED_FOR, task.id, name)
        return replace(task, secrets=secrets)

    def _epoch(self, task_id: str) -> int:
        """Count on from what is there, so that no run of before holds the new record."""
        return self._tail.tasks.runs(task_id).epoch + 1

    def _place(self, task_id: str) -> Place[Task]:
        topic = self._settings.topics.tasks.name
        return place_of(topic, task_id.encode(), lambda: self._tail.tasks.get(task_id))

    def _place_of_runs(self, task_id: str) -> Place[Runs]:
        return place_of_runs(self._tail, self._settings.topics.task_runs.name, task_id)

    async def _change_runs(self, task_id: str, change: Callable[[Runs], Runs]) -> None:
        runs = self._tail.tasks.runs
        await self._writer.put(self._place_of_runs(task_id), lambda: change(runs(task_id)))


def place_of_runs(tail: Tail, topic: str, task_id: str) -> Place[Runs]:
    """Where what is known of a task's runs is kept."""

    def known() -> Runs | None:
        return tail.tasks.runs(task_id) if tail.tasks.has_runs(task_id) else None

    return place_of(topic, task_id.encode(), known)
