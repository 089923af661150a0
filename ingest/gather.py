"""Lines of concurrent requests -> one record per partition, and each told what became of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from ingest.pack import Lane, Pack
from schemas.codec import join_lines
from schemas.errors import Unavailable
from schemas.ledger import UNKNOWN, minute_of
from schemas.metrics import Metrics

log: Final = logging.getLogger(__name__)

Deliver = Callable[[str, int, bytes, Mapping[int, int]], Awaitable[Unavailable | None]]
"""(topic, partition, value, its lines by minute of receipt) -> None when it is safe, else why it is
not known to be."""

_QUIET_SECONDS: Final = 0.001
"""A pause in arrivals after which waiting longer would hardly bring company."""


class _Receipt:
    """What one request waits for: every record that carries a line of it."""

    __slots__ = ("acknowledged", "missing")

    def __init__(self) -> None:
        self.acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.missing = 0

    def settle(self, why_not: Unavailable | None) -> None:
        self.missing -= 1
        if self.acknowledged.done():
            return
        if why_not is not None:
            # One each: whoever raises it adds to its traceback.
            again = Unavailable(why_not.code, why_not.message, status=why_not.status)
            self.acknowledged.set_exception(again)
        elif not self.missing:
            self.acknowledged.set_result(None)


class Gatherer:
    """Packs lines into records, one future per request and one task per busy partition.

    Lines of one (topic, partition) gather until no request has joined for a millisecond, or
    for ``linger`` at most; and, because a partition has one record under way at a time, until
    that one is acknowledged.

    Args:
        linger: seconds.
        max_inflight: bytes of lines taken and not settled; a request that finds nobody else
            may be larger.
    """

    def __init__(
        self, deliver: Deliver, *, linger: float, max_inflight: int, metrics: Metrics
    ) -> None:
        self._deliver = deliver
        self._linger = linger
        self._max_inflight = max_inflight
        self._metrics = metrics
        self._lanes: dict[tuple[str, int], Lane[_Receipt]] = {}
        self._draining: set[asyncio.Task[None]] = set()
        self._inflight = 0
        self._tick: asyncio.TimerHandle | None = None
        self._gathering_since = 0.0
        self._joined = False

    async def put(
        self, topic: str, lines: Mapping[int, list[bytes]], received_at: int = UNKNOWN
    ) -> None:
        """Return when all lines are safe. Cancelling the call takes no line back.

        Args:
            received_at: when the request came, Unix ms, for the ledger.

        Raises:
            Unavailable: what ``deliver`` said, or ``broker-unavailable`` with what :meth:`fail`
                said, as soon as one record failed; ``overloaded``, then nothing was taken.
        """
        size = sum(len(line) + 1 for chunk in lines.values() for line in chunk)
        if self._inflight and self._inflight + size > self._max_inflight:
            raise Unavailable("overloaded", "too many events are waiting for Kafka: try again")
        receipt = _Receipt()
        minute = minute_of(received_at)
        for partition, chunk in lines.items():
            self._join((topic, partition), chunk, receipt, minute)
        self._inflight += size
        if receipt.missing:
            self._expect_company()
            await receipt.acknowledged

    def flush(self) -> None:
        """Wait for no more company; partitions with a record under way still wait for that."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        for key, lane in self._lanes.items():
            if lane.packs:
                lane.due = True
                self._run(key, lane)

    def fail(self, why: str) -> None:
        """Give up what has not been handed to ``deliver``: it was never written."""
        for lane in self._lanes.values():
            self._settle(lane.clear(), unavailable(why))

    async def drained(self) -> None:
        """Flush, and return when nothing is under way any more."""
        self.flush()
        while self._draining:
            await asyncio.wait(self._draining)

    def _join(
        self, key: tuple[str, int], lines: list[bytes], receipt: _Receipt, minute: int
    ) -> None:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane()
        receipt.missing += lane.add(lines, receipt, minute)
        if lane.due:
            self._run(key, lane)

    def _expect_company(self) -> None:
        self._joined = True
        if self._tick is None:
            loop = asyncio.get_running_loop()
            self._gathering_since = loop.time()
            self._tick = loop.call_later(_QUIET_SECONDS, self._on_tick)

    def _on_tick(self) -> None:
        loop = asyncio.get_running_loop()
        if self._joined and loop.time() - self._gathering_since < self._linger:
            self._joined = False
            self._tick = loop.call_later(_QUIET_SECONDS, self._on_tick)
        else:
            self.flush()

    def _run(self, key: tuple[str, int], lane: Lane[_Receipt]) -> None:
        if lane.busy:
            return
        lane.busy = True
        task = asyncio.create_task(self._drain(key, lane), name="lane")
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _drain(self, key: tuple[str, int], lane: Lane[_Receipt]) -> None:
        while (pack := lane.take()) is not None:
            self._settle([pack], await self._outcome(*key, pack))
        lane.busy = False
        if not lane.packs:
            del self._lanes[key]

    async def _outcome(
        self, topic: str, partition: int, pack: Pack[_Receipt]
    ) -> Unavailable | None:
        try:
            return await self._deliver(topic, partition, join_lines(pack.lines), pack.minutes)
        except Exception as error:
            # Whoever waits must hear of it, and the partition must go on.
            log.exception("delivering to %s[%d] failed", topic, partition)
            return unavailable(f"the record could not be sent: {type(error).__name__}")

    def _settle(self, packs: list[Pack[_Receipt]], why_not: Unavailable | None) -> None:
        for pack in packs:
            self._inflight -= pack.size
            for receipt in pack.waiters:
                receipt.settle(why_not)
        if packs and why_not is None:
            self._metrics.add("headrace_ingest_records_total", len(packs))
        self._metrics.set("headrace_ingest_inflight_bytes", self._inflight)


def unavailable(why: str) -> Unavailable:
    """What clients are told while records cannot be written."""
    return Unavailable("broker-unavailable", why)
