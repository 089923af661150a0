"""What can be asked about scheduled tasks; see :mod:`schemas.commands`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.task_runs import Runs
from schemas.tasks import Task


@dataclass(frozen=True, slots=True)
class Kept:
    """A task and what is known of its runs.

    Attributes:
        next_at: when the next one is due, Unix ms; 0 for not at all.
    """

    task: Task
    runs: Runs
    next_at: int = 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that a template wants to be told.

    Attributes:
        secret: it is a secret and no parameter.
    """

    name: str
    text: str
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A script that is ready to be used."""

    name: str
    text: str
    parameters: tuple[Parameter, ...]
    script: str


@dataclass(frozen=True, slots=True)
class CreateTask:
    """Make a task; -> :class:`Kept`.

    Attributes:
        fields: of :class:`schemas.tasks.Task` as JSON, ``id`` and secrets in clear among them.
    """

    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListTasks:
    """-> tuple of :class:`Kept`, by id."""


@dataclass(frozen=True, slots=True)
class ShowTask:
    """-> :class:`Kept`."""

    task_id: str


@dataclass(frozen=True, slots=True)
class ChangeTask:
    """Change fields of a task; -> :class:`Kept` as it is then."""

    task_id: str
    changes: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Take a task away, with its state; its events stay. -> None."""

    task_id: str


@dataclass(frozen=True, slots=True)
class RunTask:
    """Have a task run now, whether it is enabled or not; -> :class:`Kept`.

    Attributes:
        dry: store nothing, and tell the events.
    """

    task_id: str
    dry: bool = False


@dataclass(frozen=True, slots=True)
class StopRun:
    """Have the run that is under way end; what it stored stays. -> :class:`Kept`."""

    task_id: str


@dataclass(frozen=True, slots=True)
class ForgetState:
    """Let a task begin anew, as if it had never run; -> :class:`Kept`."""

    task_id: str


@dataclass(frozen=True, slots=True)
class ListTemplates:
    """-> tuple of :class:`Template`, by name."""


TaskCommand = (
    CreateTask
    | ListTasks
    | ShowTask
    | ChangeTask
    | DeleteTask
    | RunTask
    | StopRun
    | ForgetState
    | ListTemplates
)
