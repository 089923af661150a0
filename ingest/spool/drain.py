"""The way out of the spool: in order, partition by partition, as soon as the broker is back."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from ingest.ending import ended
from ingest.link import Unsent
from ingest.spool.frames import Lane
from ingest.spool.spool import Spool
from ingest.spool.store import START, Entry, Place
from schemas.codec import join_lines
from schemas.topics import PACK_BYTES

log: Final = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.1
_HOUSE_SECONDS: Final = 1.0
_ADOPT_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 1.0
_STUCK_SECONDS: Final = 30.0
_HANDOVER_SECONDS: Final = 1.0


Send = Callable[[str, int, bytes], Awaitable[Unsent | None]]
"""(topic, partition, value) -> None when it is acknowledged."""


class Drain:
    """Sends what is in the spool, and tells when a partition has nothing left in it.

    A record leaves the spool when the broker has acknowledged it. Between the acknowledgement and
    the note of it on disk a crash makes it come twice, with the same event ids.

    Args:
        away: why the broker cannot be reached, "" when it can.

    Attributes:
        stuck: why the broker will not have what waits for a partition.
    """

    def __init__(self, spool: Spool, send: Send, away: Callable[[], str]) -> None:
        self._spool = spool
        self._send = send
        self._away = away
        self._task: asyncio.Task[None] | None = None
        self._housed_at = self._adopted_at = 0.0
        self._not_before: dict[Lane, float] = {}
        self.stuck: dict[Lane, str] = {}

    async def start(self) -> None:
        """Begin to drain."""
        self._task = asyncio.create_task(self._run(), name="drain")

    async def stop(self, seconds: float) -> None:
        """Go on for so many seconds while that brings anything; the rest stays on disk."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._spool.empty and not self._away() and not self._only_stuck():
                    await self._spool.shrunk()
        await ended(self._task)

    async def is_past(self, lane: Lane) -> bool:
        """Tell whether nothing of a partition waits, so that a record may go to the broker.

        When it is about to be so, this waits a moment: otherwise, under a steady load, there
        would always be one more record in the spool.
        """
        spool = self._spool
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANDOVER_SECONDS):
                while 0 < spool.held_bytes(lane) <= PACK_BYTES:
                    if self._away() or lane in self.stuck:
                        return False
                    await spool.shrunk()
        return not spool.held_bytes(lane)

    async def _run(self) -> None:
        """Drain for ever; a bug in here must not end it either."""
        while True:
            pause = _LOOK_SECONDS
            try:
                await self._keep_house()
                if not self._spool.empty and not self._away() and not await self._pass():
                    pause = _RETRY_SECONDS
            except Exception:
                log.exception("draining the spool failed")
                pause = _RETRY_SECONDS
            await asyncio.sleep(pause)

    async def _keep_house(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._housed_at < _HOUSE_SECONDS:
            return
        self._housed_at = now
        self._spool.report()
        if self._spool.faulty:
            await self._spool.check()
        if not self._away() and now - self._adopted_at >= _ADOPT_SECONDS:
            self._adopted_at = now
            await self._spool.adopt()

    async def _pass(self) -> bool:
        """Send everything once, from the oldest on; tell whether anything was sent."""
        now = asyncio.get_running_loop().time()
        blocked = {lane for lane, due in self._not_before.items() if due > now}
        sent = False
        place: Place | None = START
        while place is not None and not self._away():
            entries, following = await self._spool.read(place, frozenset(blocked))
            if entries and place == START:
                self._spool.note_oldest(entries[0].at)
            by_lane: dict[Lane, list[Entry]] = defaultdict(list)
            for entry in entries:
                by_lane[entry.lane].append(entry)
            ends = await asyncio.gather(*(self._send_all(*work) for work in by_lane.items()))
            for lane, (count, complete) in zip(by_lane, ends, strict=True):
                sent |= count > 0
                if not complete:
                    blocked.add(lane)
            place = following
        return sent

    async def _send_all(self, lane: Lane, entries: Sequence[Entry]) -> tuple[int, bool]:
        """Send records of one lane in order, up to the first that cannot be; how many, and if all.

        Several become one record: what came request by request leaves in few.
        """
        sent = 0
        for pack in _packs(entries):
            unsent = await self._send(*lane, join_lines(entry.value for entry in pack))
            if unsent is not None:
                self._note_stuck(lane, unsent)
                return sent, False
            await self._spool.forget(pack)
            if self.stuck.pop(lane, None) is not None:
                del self._not_before[lane]
            sent += len(pack)
        return sent, True

    def _note_stuck(self, lane: Lane, unsent: Unsent) -> None:
        if not unsent.final:
            return
        if lane not in self.stuck:
            log.error("spooled records of %s[%d] cannot be sent: %s", *lane, unsent.why)
        self.stuck[lane] = unsent.why
        self._not_before[lane] = asyncio.get_running_loop().time() + _STUCK_SECONDS

    def _only_stuck(self) -> bool:
        return self._spool.lanes <= self.stuck.keys()


def _packs(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    pack: list[Entry] = []
    size = 0
    for entry in entries:
        if pack and size + len(entry.value) + 1 > PACK_BYTES:
            yield pack
            pack, size = [], 0
        pack.append(entry)
        size += len(entry.value) + 1
    if pack:
        yield pack
