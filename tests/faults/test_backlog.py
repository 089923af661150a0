"""Fault 20: an hour's backlog is caught up with, and people's questions are answered meanwhile."""

import asyncio
import time

import pytest

from schemas.topics import Topics
from sinks.batch import Limits
from sinks.clickhouse import ClickHouse
from tests.faults.measure import Stage
from tests.sinks import flow

pytestmark = [pytest.mark.faults, pytest.mark.slow_fault]

EVENTS = 300_000
"""An hour of 83 events a second."""
"""What nobody waits for on a busy machine; the figure itself is in the table."""
CATCH_UP_SECONDS = 180.0
_QUESTION = "SELECT source_id, event_type, count(), uniq(profile_id) FROM @events GROUP BY 1, 2"


async def test_questions_are_answered_while_a_backlog_is_stored(
    stage: Stage, kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    for _ in range(EVENTS // 30_000):
        await stage.send(30_000, 300)
    stage.heal()
    took: list[float] = []
    async with flow.sinking(kafka, topics, url, limits=Limits()) as sink:
        ends = time.monotonic() + CATCH_UP_SECONDS
        while await flow.committed(kafka, topics) < stage.records:
            assert time.monotonic() < ends, "the backlog is not caught up with"
            began = time.monotonic()
            await flow.ask(clickhouse, _QUESTION)
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
        recovery = stage.since()
        inserts = sink.metrics.get("headrace_sink_inserts_total", table="events")
    await stage.recovered()
    p99 = sorted(took)[int(len(took) * 0.99)]
    rate = EVENTS / recovery
    note = f"{rate:,.0f} rows/s, {inserts:.0f} inserts, p99 of {len(took)} queries {p99:.2f} s"
    await stage.tell("20", f"backlog of {EVENTS:,}", recovery, note)
    assert took, "nobody asked while it was caught up with"
