"""Heartbeats stored and looked for: how long an event takes from the edge to a SELECT."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from schemas import codec
from schemas.errors import Malformed
from schemas.events import iso
from schemas.metrics import Metrics
from sinks.chores import until_told
from sinks.clickhouse import ClickHouse
from sinks.rows import Row
from sinks.verdict import Failed

TABLE: Final = "heartbeats"
LATE_BEATS: Final = 4
"""So many heartbeats' time without one in the table, and something is wrong."""
_MOST_WAITING: Final = 1_000
_MOST_ROWS: Final = 1_000
_HOUR_MS: Final = 3_600_000

_log: Final = logging.getLogger(__name__)


class Pulse:
    """Stores the heartbeats that came with events, asks for them, and judges by all sinks'.

    It counts as alive as of the moment when the newest heartbeat in the table was sent; one from
    an edge whose clock is ahead, as of the moment when it was seen. The clocks of edges and sinks
    must therefore agree to a few seconds.

    Args:
        client: its own, for it is closed by :meth:`run`.
        clock: Unix ms.
        seconds: from one heartbeat of an edge to the next.
    """

    def __init__(
        self, client: ClickHouse, clock: Callable[[], int], metrics: Metrics, *, seconds: float
    ) -> None:
        self._client = client
        self._clock = clock
        self._metrics = metrics
        self._seconds = seconds
        self._waiting: deque[Row] = deque(maxlen=_MOST_WAITING)
        self._come = asyncio.Event()
        self._began = clock()
        self._seen_to = self._began - _HOUR_MS
        self._failure = ""
        self.last_success = 0

    @property
    def limit_ms(self) -> int:
        """How old the newest heartbeat may be."""
        return int(1000 * LATE_BEATS * self._seconds)

    @property
    def age_ms(self) -> int:
        """Since the newest heartbeat in the table was sent; none before counts as the start."""
        return max(0, self._clock() - max(self._began, self.last_success))

    def take(self, rows: Sequence[Row]) -> None:
        """Take heartbeats whose batch of events is stored; never waits."""
        self._waiting.extend(rows)
        self._come.set()

    def trouble(self) -> str:
        """Say that no event comes through any more; "" when one does."""
        if self.age_ms <= self.limit_ms:
            return ""
        last = iso(self.last_success) if self.last_success else "none since the start"
        text = f"no heartbeat came through for {self.age_ms / 1000:.0f} s (last: {last})"
        return f"{text}; {self._failure}" if self._failure else text

    async def run(self, stop: asyncio.Event) -> None:
        """Store and look until told to stop."""
        try:
            await until_told(stop, self._forever())
        finally:
            await self._client.close()

    async def _forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._come.wait()
            except TimeoutError:
                pass  # other sinks' heartbeats are looked for
            self._come.clear()
            try:
                await self.look()
            except Failed as failure:
                self._failure = f"ClickHouse: {failure.message}"
                self._metrics.add("headrace_heartbeat_failures_total", code=failure.code)
                _log.warning("cannot follow the heartbeat: %s", failure.message)
            else:
                self._failure = ""

    async def look(self) -> None:
        """Store what waits, and see what is in the table.

        Raises:
            Failed: ClickHouse did not answer; what waited is lost, more will come.
        """
        own = {row.key[:36].decode() for row in self._waiting}
        rows = [*filter(None, map(_written, self._waiting))]
        self._waiting.clear()
        if rows:
            await self._client.insert(TABLE, rows)
        found = await self._client.query(
            "SELECT toString(event_id), toUnixTimestamp64Milli(sent_at),"  # noqa: S608 - an identifier
            f" toUnixTimestamp64Milli(stored_at) FROM {self._client.database}.{TABLE}"
            " WHERE stored_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
            f" ORDER BY stored_at DESC LIMIT {_MOST_ROWS}",
            {"since": self._seen_to},
        )
        now = self._clock()
        for event_id, sent_at, stored_at in found:
            self._seen_to = max(self._seen_to, int(stored_at))
            self.last_success = max(self.last_success, min(int(sent_at), now))
            if str(event_id) in own:
                self._measure(max(0, now - int(sent_at)) / 1000)

    def _measure(self, seconds: float) -> None:
        self._metrics.add("headrace_heartbeats_total")
        self._metrics.add("headrace_heartbeat_seconds_total", seconds)
        self._metrics.set("headrace_heartbeat_seconds", seconds)


def _written(row: Row) -> bytes:
    """Write a heartbeat's row out of its canonical line; b"" for one that nobody here sent."""
    try:
        value = codec.loads(row.line)
    except Malformed:
        return b""
    written = {
        "event_id": row.key[:36].decode(),
        "edge": str(value.get("message_id")),
        "sent_at": row.received.decode(),
        "kafka_partition": row.partition,
        "kafka_offset": row.offset,
    }
    return codec.dumps(written) + b"\n"
