"""What a process knows of tasks and their runs, folded from their topics."""

from schemas.task_runs import Runs
from schemas.task_runs import from_record as read_runs
from schemas.tasks import Task
from schemas.tasks import from_record as read_task

_NEVER: Runs = Runs()


class Known:
    """Tasks by id, and their runs.

    Attributes:
        revision: rises with every change of a definition or of runs.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._tasks: dict[str, Task] = {}
        self._runs: dict[str, Runs] = {}

    def all(self) -> tuple[Task, ...]:
        """All tasks, by id."""
        return tuple(self._tasks[task_id] for task_id in sorted(self._tasks))

    def get(self, task_id: str) -> Task | None:
        """Find a task."""
        return self._tasks.get(task_id)

    def runs(self, task_id: str) -> Runs:
        """What is known of a task's runs; empty where it never ran."""
        return self._runs.get(task_id, _NEVER)

    def has_runs(self, task_id: str) -> bool:
        """Tell whether anything is known of a task's runs."""
        return task_id in self._runs

    def fold_task(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic of tasks; Malformed when it cannot be read."""
        self.revision += 1
        if value is None:
            self._tasks.pop(key.decode(), None)
        else:
            self._tasks[key.decode()] = read_task(value)

    def fold_runs(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic of runs; Malformed when it cannot be read."""
        self.revision += 1
        if value is None:
            self._runs.pop(key.decode(), None)
        else:
            self._runs[key.decode()] = read_runs(value)
