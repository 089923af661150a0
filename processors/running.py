"""Running a worker in the foreground, to an honest end."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from schemas.errors import HeadraceError

STOP_SECONDS: Final = 20.0
_STUCK_SECONDS: Final = 120.0


class Worker(Protocol):
    """A Faust app that can be run; see :class:`processors.app.Processors`."""

    @property
    def rebalancing(self) -> bool:
        """Between the loss of partitions and the end of the recovery that follows."""

    @property
    def should_stop(self) -> bool:
        """Stopped or crashed."""

    @property
    def crash_reason(self) -> BaseException | None:
        """What crashed it."""

    async def begin(self) -> None:
        """Connect and look at the topics."""

    async def start(self) -> None:
        """Start everything; returns when records are processed."""

    async def wait_until_stopped(self) -> None:
        """Wait until it is stopped or crashed."""

    async def stop(self) -> None:
        """Finish what was read, commit, leave."""


async def run(
    app: Worker,
    *,
    stop: asyncio.Event,
    ready: Callable[[], None],
    failing: Callable[[str], None] = lambda _: None,
) -> None:
    """Run a worker until ``stop`` is set; what it has read is finished before this returns.

    Args:
        ready: called once, when records are being processed.
        failing: told why, as soon as they are not any more because the worker gave up.

    Raises:
        TopicsUnfit: a topic is missing or has the wrong number of partitions.
        Unavailable: no broker could be reached.
        HeadraceError: ``too-many-dead-letters``, see :class:`processors.faults.Faults`; else
            ``processors-crashed``, and the cause is the exception that crashed it.
    """
    await app.begin()
    starting = asyncio.ensure_future(app.start())
    ended = asyncio.ensure_future(app.wait_until_stopped())
    watching = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(_stuck(app))}
    try:
        await asyncio.wait({starting, ended, *watching}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            if not app.should_stop:
                ready()
            await asyncio.wait({ended, *watching}, return_when=asyncio.FIRST_COMPLETED)
        for task in watching:
            if task.done():
                task.result()
    finally:
        if app.crash_reason is not None:
            failing(str(app.crash_reason))
        for task in (starting, *watching):
            task.cancel()
        await asyncio.wait_for(app.stop(), STOP_SECONDS)
        await ended
    if isinstance(app.crash_reason, HeadraceError):
        raise app.crash_reason
    if app.crash_reason is not None:
        raise HeadraceError(
            "processors-crashed", f"the processors crashed: {app.crash_reason!r}"
        ) from app.crash_reason


async def _stuck(app: Worker) -> None:
    """End a worker whose rebalance never ends: Faust's recovery can stop without a word."""
    since = 0.0
    while since < _STUCK_SECONDS:
        await asyncio.sleep(1.0)
        since = since + 1.0 if app.rebalancing else 0.0
    raise HeadraceError(
        "processors-stuck", f"a rebalance did not end in {_STUCK_SECONDS:.0f} s"
    ) from TimeoutError()
