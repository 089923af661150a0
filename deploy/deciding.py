"""The types of new properties, decided by whoever's record comes first in the schemas topic."""

import asyncio
import logging
from collections.abc import Collection as Several
from typing import Final

from deploy.registry import Tail
from deploy.writes import Writer, place_of
from ingest.ending import over
from schemas.catalog import Collection
from schemas.errors import HeadraceError
from schemas.growing import Wish, grown
from schemas.metrics import Metrics

WAIT_SECONDS: Final = 5.0
REST_SECONDS: Final = 5.0
"""For so long nothing is asked after a wait was in vain: what is new meanwhile has no type."""
_AT_ONCE: Final = 32
_log: Final = logging.getLogger(__name__)


class _NothingNewError(HeadraceError):
    """Another worker decided meanwhile."""


class Decider:
    """Decides for one process; implements :class:`processors.ahead.Decide`.

    The records of one collection count in turns, see :mod:`deploy.turns`: a worker that did not
    know of another's decision makes its own anew on top of it, so the first one stands.
    """

    def __init__(
        self,
        topic: str,
        tail: Tail,
        writer: Writer,
        metrics: Metrics,
        *,
        seconds: float = WAIT_SECONDS,
        rest: float = REST_SECONDS,
    ) -> None:
        self._topic = topic
        self._tail = tail
        self._writer = writer
        self._metrics = metrics
        self._seconds = seconds
        self._rest = rest
        self._resting_until = 0.0
        self._under_way: dict[bytes, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, wishes: Several[Wish]) -> None:
        """Return when the tail knows what came of the wishes, or after a bounded wait."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._resting_until:
            return
        deadline = loop.time() + self._seconds
        tasks = {asyncio.ensure_future(self._settled(wish)) for wish in wishes}
        _, late = await asyncio.wait(tasks, timeout=deadline - loop.time())
        for task in late:
            task.cancel()
        done = [task for task in tasks - late if not task.cancelled()]
        failures = [error for task in done if (error := task.exception()) is not None]
        if late or failures:
            self._resting_until = loop.time() + self._rest
            self._metrics.add("headrace_process_decisions_total", len(late), outcome="late")
            self._metrics.add("headrace_process_decisions_total", len(failures), outcome="failed")
            why = failures[0] if failures else f"no answer in {self._seconds:g} s"
            _log.warning(
                "%d of %d collections could not take what is new: %s; for %g s new properties go"
                " to the overflow",
                len(late) + len(failures),
                len(tasks),
                why,
                self._rest,
            )

    async def stop(self) -> None:
        """Wait for nothing any more."""
        await over(*self._under_way.values())
        await self._writer.stop()

    async def start(self) -> None:
        """Do nothing: the writer connects when it is first needed."""

    async def _settled(self, wish: Wish) -> None:
        """Write one wish, after whatever is under way for its collection.

        A write that nobody waits for any more is not broken off: its decision comes late.
        """
        while (before := self._under_way.get(wish.key)) is not None:
            await asyncio.wait({before})
        task = asyncio.create_task(self._write(wish))
        self._under_way[wish.key] = task
        task.add_done_callback(lambda done: self._ended(wish.key, done))
        await asyncio.shield(task)

    def _ended(self, key: bytes, task: asyncio.Task[None]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # told already, or nobody waits for it any more

    async def _write(self, wish: Wish) -> None:
        catalog = self._tail.catalog
        nothing = Collection(wish.source_id, wish.name)

        def known() -> Collection | None:
            return catalog.get(wish.source_id, wish.name)

        def draft() -> Collection:
            old = known() or nothing
            new = grown(old, wish)
            if new is old:
                raise _NothingNewError("nothing-new", "all of it is known")
            return new

        async with self._slots:
            try:
                await self._writer.put(place_of(self._topic, nothing.key, known), draft)
            except _NothingNewError:
                self._metrics.add("headrace_process_decisions_total", outcome="followed")
            else:
                self._metrics.add("headrace_process_decisions_total", outcome="made")
