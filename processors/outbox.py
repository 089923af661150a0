"""Output, written before its input is acknowledged, and acknowledged in the input's order.

Waiting for the broker record by record would make every record cost a round trip, so many are
under way at once. What is acknowledged must still be a prefix of what was read: Faust 0.15.3
commits past the first gap of acknowledged offsets when that gap is one record long
(faust-streaming issue 606), and every offset it passes is lost.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from processors.pack import Items, Names, Note, Pack, Part, States
from schemas.topics import PACK_BYTES

logger = logging.getLogger(__name__)

LINGER_SECONDS: Final = 0.1
"""How long a pack waits for the next record: small ones share one write to each topic, and a
write costs as much as 20 events."""
PROMPT_SECONDS: Final = 0.02
"""The same while an edge waits for an answer that is in the pack."""
ROOM_BYTES: Final = 8 << 20
_NO_MERGES: Final[Mapping[bytes, bytes]] = MappingProxyType({})
_NO_CHANGES: Final[Mapping[bytes, tuple[int, bytes]]] = MappingProxyType({})
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0

Send = Callable[[str, int, Items], Awaitable[Awaitable[int]]]
"""Hands records for (topic, partition) to the producer; what it returns is done when all
replicas have them, and is the offset of the last."""


@dataclass(slots=True)
class _Lane:
    """One partition: the pack that grows, and those under way in the order they left."""

    open: Pack | None = None
    timer: asyncio.TimerHandle | None = None
    away: deque[Pack] = field(default_factory=deque)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Outbox:
    """Packs, writes and acknowledges, partition by partition.

    Args:
        send: the producer.
        topics: names of the topics written to.
        states: gives the states of a partition, see :class:`Pack`.
        temporary: tells the failures that pass (broker away) from those that do not.
        broken: called once with a failure that does not pass; nothing is acknowledged after.
    """

    def __init__(
        self,
        send: Send,
        *,
        topics: Names,
        states: Callable[[int], States],
        temporary: Callable[[BaseException], bool],
        broken: Callable[[BaseException], Awaitable[None]],
        linger: float = LINGER_SECONDS,
        prompt: float = PROMPT_SECONDS,
        room: int = ROOM_BYTES,
    ) -> None:
        self._send = send
        self._topics = topics
        self._states = states
        self._temporary = temporary
        self._on_broken = broken
        self._linger = linger
        self._prompt = min(prompt, linger)
        self._limit = room
        self._weight = 0
        self._freed = asyncio.Event()
        self._lanes: dict[int, _Lane] = defaultdict(_Lane)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def room(self) -> None:
        """Wait until what is under way weighs less than the limit."""
        while self._weight >= self._limit:
            self._freed.clear()
            await self._freed.wait()

    def put(
        self,
        partition: int,
        *,
        lines: Collection[bytes] = (),
        dead: Collection[bytes] = (),
        keys: Collection[bytes] = (),
        merges: Mapping[bytes, bytes] = _NO_MERGES,
        changes: Mapping[bytes, tuple[int, bytes]] = _NO_CHANGES,
        answers: Collection[tuple[int, bytes]] = (),
        note: Note | None = None,
        done: Callable[[], None] | None = None,
    ) -> None:
        """Take the output of one record; ``note`` and ``done`` are called when all of it is safe.

        Calls of ``done`` happen in the order of the calls of ``put`` with the same partition.
        """
        lane = self._lanes[partition]
        pack = lane.open
        if pack is None:
            pack = lane.open = Pack(self._states(partition))
            self._wait(partition, lane, self._linger)
        if answers and not pack.answers:
            self._wait(partition, lane, self._prompt)
        self._weight += pack.add(lines, dead, keys, merges, changes, answers)
        if note is not None:
            pack.notes.append(note)
        if done is not None:
            pack.done.append(done)
        if pack.weight >= PACK_BYTES:
            self._close(partition)

    def _wait(self, partition: int, lane: _Lane, seconds: float) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
        lane.timer = asyncio.get_running_loop().call_later(seconds, self._close, partition)

    def _close(self, partition: int) -> None:
        lane = self._lanes[partition]
        pack, lane.open = lane.open, None
        if lane.timer is not None:
            lane.timer.cancel()
        if pack is None or self._closed:
            return
        lane.away.append(pack)
        task = asyncio.get_running_loop().create_task(self._deliver(partition, lane, pack))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, partition: int, lane: _Lane, pack: Pack) -> None:
        try:
            await self._write(partition, lane, pack)
            for note in pack.notes:
                note(pack.into)
            pack.delivered = True
            self._acknowledge(lane)
        except Exception as error:  # noqa: BLE001 - handed on, whatever it is
            if not self._closed:
                self.close()
                await self._on_broken(error)

    def _acknowledge(self, lane: _Lane) -> None:
        while lane.away and lane.away[0].delivered and not self._closed:
            safe = lane.away.popleft()
            self._weight -= safe.weight
            for done in safe.done:
                done()
        self._freed.set()

    async def _write(self, partition: int, lane: _Lane, pack: Pack) -> None:
        """Write until it is written; only a failure that does not pass gets out."""
        for stage in pack.stages(partition, self._topics):
            parts = stage
            pause = _FIRST_PAUSE
            while parts := await self._try(lane, parts):
                logger.warning(
                    "%d output records of partition %d could not be written, next try in %.1f s",
                    sum(part.count for part in parts),
                    partition,
                    pause,
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _try(self, lane: _Lane, parts: list[Part]) -> list[Part]:
        """Send all, wait for all; returns the parts to send again."""
        under_way: list[tuple[Part, Awaitable[None]]] = []
        failed: list[Part] = []
        # one pack of a partition after the other, so that states arrive in order
        async with lane.turn:
            for part in parts:
                items = part.items()
                if not items:
                    continue
                try:
                    sent = await self._send(part.topic, part.partition, items)
                except Exception as error:
                    if not self._temporary(error):
                        raise
                    failed.append(part)
                else:
                    under_way.append((part, _landing(part, items, sent)))
        results = await asyncio.gather(*(sent for _, sent in under_way), return_exceptions=True)
        for (part, _), result in zip(under_way, results, strict=True):
            if isinstance(result, BaseException):
                if not self._temporary(result):
                    raise result
                failed.append(part)
        return failed

    def close(self) -> None:
        """Acknowledge nothing any more; what is under way may still be written."""
        self._closed = True


async def _landing(part: Part, items: Items, sent: Awaitable[int]) -> None:
    """Tell of what landed at once, so that it is told in the order of the partition."""
    offset = await sent
    if part.landed is not None:
        part.landed(items, offset)
