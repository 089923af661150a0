"""Rows that are older than their source keeps any."""

import asyncio

from schemas.metrics import Metrics
from schemas.sources import Registry, Source
from sinks import rows
from sinks.clickhouse import ClickHouse
from sinks.retention import DAY_MS, Retention, oldest
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, dead_line, event


class Feed:
    """Sources that change."""

    def __init__(self, *sources: Source) -> None:
        self.registry = Registry()
        self.version = 0
        self._changed = asyncio.Event()
        for source in sources:
            self.registry.put(source)

    def put(self, source: Source) -> None:
        self.registry.put(source)
        self.version += 1
        self._changed.set()

    async def changed(self, seen: int) -> int:
        while self.version <= seen:
            await self._changed.wait()
            self._changed.clear()
        return self.version


def test_whole_days_are_kept() -> None:
    day = 20_777 * DAY_MS
    assert oldest(day, 1) == oldest(day + DAY_MS - 1, 1) == day - DAY_MS


async def store(clickhouse: ClickHouse) -> None:
    """An event of each of the last forty days, of two sources; letters; one long session."""
    lines = [
        event(
            number, at=NOVEMBER - days * DAY_MS, source=source, ip="192.0.2.7", session_id=session
        )
        for days in range(40)
        for number, source, session in (
            (days, "shop", "long" if days in {5, 39} else f"s{days}"),
            (100 + days, "other", f"o{days}"),
        )
    ]
    found = [rows.events(line, 0, at) for at, line in enumerate(lines)]
    for month in rows.by_month(found).values():
        await clickhouse.insert("events", rows.body(month))
    dead = [
        rows.letters(dead_line(days, failed_at=NOVEMBER - days * DAY_MS), 0, days)
        for days in (1, 39)
    ]
    for month in rows.by_month(dead).values():
        await clickhouse.insert("dead_letters", rows.body(month))


async def test_old_rows_go_and_addresses_before_them(clickhouse: ClickHouse, url: str) -> None:
    await store(clickhouse)
    feed, metrics, stop = Feed(Source("shop"), Source("other")), Metrics(), asyncio.Event()
    keeping = Retention(ClickHouse(url), feed, lambda: NOVEMBER, metrics)
    running = asyncio.create_task(keeping.run(stop))
    feed.put(Source("shop", retention_days=30, ip_retention_days=7))

    async def counted() -> dict[str, tuple[int, int]]:
        found = await flow.ask(
            clickhouse,
            "SELECT source_id, count(), countIf(ip != '') FROM @events GROUP BY source_id",
        )
        return {str(source): (count, with_ip) for source, count, with_ip in found}

    async def gone() -> bool:
        return await counted() == {"shop": (31, 8), "other": (40, 40)}

    await flow.eventually(gone, "what is old is gone, of that source")
    assert metrics.get("headrace_expired_rows_total", table="events") == 9
    assert metrics.get("headrace_expired_rows_total", table="dead_letters") == 1
    assert await flow.ask(clickhouse, "SELECT count() FROM @dead_letters") == [(1,)]
    sessions = "SELECT source_id, count() FROM @sessions GROUP BY source_id ORDER BY source_id"
    assert await flow.ask(clickhouse, sessions) == [("other", 40), ("shop", 31)]
    assert await flow.ask(clickhouse, "SELECT events FROM @sessions WHERE session_id = 'long'") == [
        (2,)
    ], "a session goes when its end is old"
    ((until,),) = await flow.ask(clickhouse, "SELECT toUnixTimestamp(until) FROM @expirations")
    assert until * 1000 == oldest(NOVEMBER, 30)
    stop.set()
    await running
