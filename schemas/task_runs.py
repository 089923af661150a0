"""What is known of a task's runs, and which one is next; pure, decided by times that are passed in.

The record has an ``epoch`` that rises whenever somebody begins a run. Whoever began one writes
only while its epoch still stands, so a worker that was thought dead overwrites nothing of its
successor's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, Protocol

from schemas import codec
from schemas.errors import Malformed
from schemas.tasks import Task

Outcome = Literal["done", "failed"]

STOPPED: Final = "run-stopped"
"""Of what a run failed that somebody wanted ended; it is not tried again."""
MAX_RESULTS: Final = 20
GRACE_MS: Final = 60_000
"""A run that begins so late is not a missed one: a worker may have died just then."""
CATCH_UP_MS: Final = 31 * 86_400_000
"""How far back runs are made up."""
_FIRST_BACK_OFF_MS: Final = 10_000
_LONGEST_BACK_OFF_MS: Final = 3_600_000
_DOUBLINGS: Final = 9


class Times(Protocol):
    """When a task's schedule says that it runs, Unix ms."""

    def first_after(self, moment: int) -> int | None:
        """The first time after a moment; None for never."""

    def last_until(self, moment: int) -> int | None:
        """The last time up to a moment, itself included; None for none."""


@dataclass(frozen=True, slots=True)
class Result:
    """A run that ended.

    Attributes:
        scheduled_at, started_at, ended_at: Unix ms.
        events: that were stored, or would have been.
        code, message, stack: what it failed of; "" when it did not.
        by_hand: somebody asked for it.
        dry: nothing of it was stored.
    """

    scheduled_at: int
    started_at: int
    ended_at: int
    outcome: Outcome
    events: int = 0
    code: str = ""
    message: str = ""
    stack: str = ""
    by_hand: bool = False
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """The next run.

    Attributes:
        scheduled_at: the time that it stands for, Unix ms.
        at: when it may begin, Unix ms.
        again: it was begun before, by a worker that is gone.
    """

    scheduled_at: int
    at: int
    by_hand: bool = False
    dry: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Runs:
    """A task's runs.

    Attributes:
        epoch: rises with every run that is begun.
        worker: who has begun a run and not ended it, "" for nobody.
        scheduled_at, started_at, by_hand, dry: of that run, else of the last one.
        checkpoint: how often that run has saved its state.
        handled: the latest time of the schedule that is done, Unix ms.
        failures: regular runs in a row that came to nothing.
        not_before: after a failure, Unix ms.
        asked_at: when somebody asked for a run that has not begun, Unix ms, 0 for none.
        asked_dry: that run is to store nothing.
        stopped: the epoch whose run somebody wants ended.
        state: what the script keeps from run to run.
        files: how far the imports of files are, that the script asked for.
        log: lines of the last run.
        tried: events of the last run that was to store nothing, the first of them.
        results: the latest first.
    """

    epoch: int = 0
    worker: str = ""
    scheduled_at: int = 0
    started_at: int = 0
    by_hand: bool = False
    dry: bool = False
    checkpoint: int = 0
    handled: int = 0
    failures: int = 0
    not_before: int = 0
    asked_at: int = 0
    asked_dry: bool = False
    stopped: int = 0
    state: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    tried: tuple[Any, ...] = ()
    results: tuple[Result, ...] = ()

    def as_record(self) -> bytes:
        """The value kept in the topic of runs; its key is the task's id."""
        return codec.dumps(self)

    def asked(self, now: int, *, dry: bool) -> "Runs":
        """Note that somebody wants a run now."""
        return replace(self, asked_at=now, asked_dry=dry)

    def stop(self) -> "Runs":
        """Note that somebody wants the run under way ended, or one that was asked for not begun.

        Raises:
            Malformed: ``task-not-running``.
        """
        if not self.worker and not self.asked_at:
            raise Malformed("task-not-running", "it does not run at this moment", status=409)
        return replace(self, stopped=self.epoch if self.worker else self.stopped, asked_at=0)

    @property
    def stopping(self) -> bool:
        """Whether somebody wants the run under way ended."""
        return bool(self.worker) and self.stopped == self.epoch

    def begun(self, due: Due, worker: str, now: int) -> "Runs":
        """Note that a worker begins a run; one that goes on counts its checkpoints on."""
        return replace(
            self,
            epoch=self.epoch + 1,
            worker=worker,
            scheduled_at=due.scheduled_at,
            started_at=now,
            by_hand=due.by_hand,
            dry=due.dry,
            checkpoint=self.checkpoint if due.again else 0,
            failures=self.failures + 1 if due.again else self.failures,
            stopped=self.epoch + 1 if due.again and self.stopping else self.stopped,
            asked_at=0 if due.by_hand and not due.again else self.asked_at,
            log=(),
        )

    def saved(self, epoch: int, state: Mapping[str, Any]) -> "Runs":
        """Keep the state of the run under way.

        Raises:
            Malformed: ``run-taken-over``.
        """
        self.hold(epoch)
        return replace(self, state=state, checkpoint=self.checkpoint + 1)

    def filed(self, epoch: int, files: Mapping[str, Any]) -> "Runs":
        """Keep how far the imports of the run under way are.

        Raises:
            Malformed: ``run-taken-over``.
        """
        self.hold(epoch)
        return replace(self, files=files)

    def ended(
        self,
        epoch: int,
        result: Result,
        *,
        state: Mapping[str, Any] | None,
        log: tuple[str, ...],
        tried: tuple[Any, ...] = (),
    ) -> "Runs":
        """Note how the run under way ended.

        Args:
            state: to keep, None to keep what is.

        Raises:
            Malformed: ``run-taken-over``.
        """
        self.hold(epoch)
        failures, not_before, handled = self.failures, self.not_before, self.handled
        if result.outcome == "done" and not result.dry:
            failures = not_before = 0  # also by hand: somebody has seen to it
        elif result.outcome == "failed" and not result.by_hand and result.code != STOPPED:
            failures += 1
            not_before = result.ended_at + back_off(failures)
        if (result.outcome == "done" or result.code == STOPPED) and not result.by_hand:
            handled = max(handled, result.scheduled_at)
        return replace(
            self,
            worker="",
            failures=failures,
            not_before=not_before,
            handled=handled,
            state=self.state if state is None else state,
            log=log,
            tried=tried if result.dry else self.tried,
            results=(result, *self.results)[:MAX_RESULTS],
        )

    def hold(self, epoch: int) -> None:
        """Raise Malformed ``run-taken-over`` when another run was begun since."""
        if self.epoch != epoch or not self.worker:
            message = "another worker has taken the task over: this run is not the one that counts"
            raise Malformed("run-taken-over", message, status=409)


_KNOWN: Final = frozenset(known.name for known in fields(Runs))
_RESULT: Final = frozenset(known.name for known in fields(Result))


def from_record(value: bytes) -> Runs:
    """Inverse of :meth:`Runs.as_record`; fields of later versions are left out.

    Raises:
        Malformed: ``json-invalid`` or ``runs-invalid``.
    """
    record = codec.loads(value)
    if not isinstance(record, Mapping):
        raise Malformed("runs-invalid", "what is known of a task's runs is a JSON object")
    known = {name: record[name] for name in record if name in _KNOWN}
    try:
        results = [
            Result(**{name: each[name] for name in each if name in _RESULT})
            for each in known.pop("results", ())
        ]
        for name in ("log", "tried"):
            known[name] = tuple(known.get(name, ()))
        return Runs(**known, results=tuple(results))
    except TypeError as error:
        raise Malformed("runs-invalid", str(error)) from error


def back_off(failures: int) -> int:
    """How long a task that has failed so often in a row rests, ms: 10 s, doubled up to an hour."""
    doubled = _FIRST_BACK_OFF_MS << min(max(failures - 1, 0), _DOUBLINGS)
    return min(doubled, _LONGEST_BACK_OFF_MS) if failures else 0


def next_run(task: Task, runs: Runs, times: Times, now: int) -> Due | None:
    """Choose the next run of a task that nobody here is running; None for none."""
    if runs.worker and (task.enabled or runs.by_hand):
        at = runs.started_at + back_off(runs.failures)
        return Due(runs.scheduled_at, at, runs.by_hand, runs.dry, again=True)
    if runs.asked_at:
        return Due(runs.asked_at, now, by_hand=True, dry=runs.asked_dry)
    if not task.enabled:
        return None
    after = max(runs.handled, task.since - 1)
    if task.missed == "catch-up":
        after = max(after, now - CATCH_UP_MS)
    first = times.first_after(after)
    if first is None or max(first, runs.not_before) > now:
        return None if first is None else Due(first, max(first, runs.not_before))
    if task.missed == "catch-up":
        return Due(first, now)
    return _of_the_past(task, runs, times, now)


def _of_the_past(task: Task, runs: Runs, times: Times, now: int) -> Due | None:
    """Choose where at least one time has gone by and not all of them are to be made up."""
    latest = times.last_until(now)
    if latest is not None:
        fails = bool(runs.failures) and runs.scheduled_at == latest
        if task.missed == "latest" or now - latest <= GRACE_MS or fails:
            return Due(latest, now)
    first = times.first_after(now)
    return None if first is None else Due(first, first)
