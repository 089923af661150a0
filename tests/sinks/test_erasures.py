"""What was on its way when its customer was erased does not stay."""

import asyncio
import socket
from typing import Any

from schemas.events import iso
from schemas.metrics import Metrics
from sinks import rows
from sinks.archive import Archive
from sinks.clickhouse import ClickHouse
from sinks.erasures import Erasures
from tests.sinks import flow
from tests.sinks.lines import event

HOUR = 3_600_000


async def store(clickhouse: ClickHouse, *lines: bytes) -> None:
    await clickhouse.insert("events", rows.body([rows.events(line, 0, 0) for line in lines]))


async def left(clickhouse: ClickHouse) -> list[Any]:
    found = await flow.ask(clickhouse, "SELECT message_id FROM @events FINAL ORDER BY message_id")
    return [row[0] for row in found]


async def test_late_events_go_and_later_ones_stay(clickhouse: ClickHouse) -> None:
    erasures = Erasures(clickhouse, clickhouse.database)
    assert await erasures.sweep() == 0, "nothing was ever erased"
    await store(clickhouse, event(1, group_id="c1"))
    assert await Archive(clickhouse, clickhouse.database).erase("shop", "c1") == 1
    await store(
        clickhouse,
        event(2, group_id="c1"),
        event(3, group_id="c2"),
        event(4, group_id="c1", source="other"),
        event(5, group_id="c1", received_at=iso(flow.clock() + HOUR)),
        event(6),
    )
    assert await erasures.sweep() == 1
    assert await left(clickhouse) == ["3", "4", "5", "6"]
    assert await erasures.sweep() == 0


async def test_a_replay_does_not_bring_anybody_back(clickhouse: ClickHouse) -> None:
    await Erasures(clickhouse, clickhouse.database).erase("shop", "c1")
    await store(clickhouse, event(1, group_id="c1"), event(2, group_id="c2"))
    restarted = Erasures(clickhouse, clickhouse.database)
    assert await restarted.sweep() == 1
    assert await left(clickhouse) == ["2"]


async def test_it_sweeps_until_it_is_told_to_stop(clickhouse: ClickHouse, url: str) -> None:
    stop, metrics = asyncio.Event(), Metrics()
    erasures = Erasures(ClickHouse(url), clickhouse.database)
    running = asyncio.create_task(erasures.run(stop, metrics, seconds=0.05))
    await Archive(clickhouse, clickhouse.database).erase("shop", "c1")
    await store(clickhouse, event(1, group_id="c1"))

    async def gone() -> bool:
        return await left(clickhouse) == []

    await flow.eventually(gone, "the late event is gone")
    stop.set()
    await running
    assert metrics.get("headrace_sink_swept_total") == 1


async def test_a_store_that_is_away_is_asked_again() -> None:
    stop, metrics = asyncio.Event(), Metrics()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = ClickHouse(f"http://127.0.0.1:{taken.getsockname()[1]}/d")
        running = asyncio.create_task(Erasures(client, "d").run(stop, metrics, seconds=0.01))

        async def twice() -> bool:
            return metrics.get("headrace_sink_sweep_failures_total", code="no-answer") > 1

        await flow.eventually(twice, "it was asked twice")
        stop.set()
        await running
