"""When a schedule says that a task runs; door to cronsim.

Cron expressions are read as Debian's cron reads them, also where clocks change: a job at an hour
that is left out runs right after, one at an hour that comes twice runs once; one of every hour or
of every so many minutes runs on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from schemas.task_runs import Times
from schemas.tasks import Task, wrong

_FIELDS: Final = 5
_MACROS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many ms, from a moment on."""

    period: int
    since: int

    def first_after(self, moment: int) -> int:
        """The first time after a moment."""
        if moment < self.since:
            return self.since
        return self.since + ((moment - self.since) // self.period + 1) * self.period

    def last_until(self, moment: int) -> int | None:
        """The last time up to a moment; None before the first."""
        if moment < self.since:
            return None
        return self.since + (moment - self.since) // self.period * self.period


@dataclass(frozen=True, slots=True)
class Once:
    """At one moment and never again."""

    since: int

    def first_after(self, moment: int) -> int | None:
        """That moment, if it is after another; else None."""
        return self.since if moment < self.since else None

    def last_until(self, moment: int) -> int | None:
        """That moment, if it is past; else None."""
        return self.since if moment >= self.since else None


@dataclass(frozen=True, slots=True)
class Cron:
    """The times of a cron expression, from a moment on."""

    expression: str
    zone: tzinfo
    since: int

    def first_after(self, moment: int) -> int | None:
        """The first time after a moment; None where there is none in fifty years."""
        return self._next(max(moment, self.since - 1), reverse=False)

    def last_until(self, moment: int) -> int | None:
        """The last time up to a moment; None where the schedule did not count yet."""
        # backwards from the second after, for times are whole seconds
        found = self._next(moment // 1000 * 1000 + 1000, reverse=True)
        return found if found is not None and found >= self.since else None

    def _next(self, moment: int, *, reverse: bool) -> int | None:
        begin = datetime.fromtimestamp(moment // 1000, UTC).astimezone(self.zone)
        for found in CronSim(self.expression, begin, reverse=reverse):
            at = int(found.timestamp()) * 1000
            # where clocks go back, a time of the wall may be one that is past
            if (at < moment) if reverse else (at > moment):
                return at
        return None


def times_of(task: Task) -> Times:
    """Read a task's schedule.

    Raises:
        Malformed: ``task-invalid``: no such time zone, or no cron expression, or one that never
            comes.
    """
    if task.every:
        return Every(task.every * 1000, task.since)
    if not task.cron:
        return Once(task.since)
    return Cron(_expression(task.cron), _zone(task.timezone), task.since)


def checked(task: Task, now: int) -> Task:
    """Hold a schedule against what can be; see :func:`times_of`."""
    times = times_of(task)
    if task.cron and times.first_after(now) is None:
        raise wrong("cron", f"{task.cron!r} never comes")
    return task


def _expression(text: str) -> str:
    expression = _MACROS.get(text.lower(), text)
    fields = len(expression.split())
    try:
        CronSim(expression if fields == _FIELDS else "", datetime.fromtimestamp(0, UTC))
    except (CronSimError, AssertionError) as error:
        message = f"{text!r} is no cron expression ({error}): write minute, hour, day of month,"
        raise wrong("cron", f"{message} month, day of week, e.g. */15 * * * *") from error
    return expression


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is no time zone that is known here: write one such as Europe/Berlin"
        raise wrong("timezone", message) from error


TimesOf = Callable[[Task], Times]
