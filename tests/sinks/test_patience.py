"""The sink waits for what is not there yet, and holds no more than it may."""

import asyncio
import secrets
import time

import pytest

from schemas.metrics import Metrics
from schemas.topics import Topics
from sinks.batch import Limits
from sinks.clickhouse import ClickHouse
from sinks.consume import Sink
from sinks.migrate import migrate
from sinks.retry import LONGEST_WAIT, until, wait_seconds
from sinks.verdict import STOP, Failed, Stopped
from tests.contracts.clickhouse.stand_in import StandIn
from tests.sinks import flow
from tests.sinks.lines import event
from tests.sinks.proxy import proxy


@pytest.mark.parametrize(("tries", "seconds"), [(1, 0.2), (2, 0.4), (5, 3.2), (6, 5), (9_999, 5)])
def test_waits_double_up_to_a_bound(tries: int, seconds: float) -> None:
    assert wait_seconds(tries, 1.0) == pytest.approx(seconds)
    assert wait_seconds(tries, 0.0) == 0


async def test_what_does_not_pass_stops_at_once() -> None:
    async def refused() -> None:
        raise Failed("authentication-failed", "wrong password", STOP)

    with pytest.raises(Stopped, match="wrong password"):
        await until(refused, asyncio.Event(), lambda: 1.0, OSError)


async def test_waiting_ends_when_told_to_stop() -> None:
    stop = asyncio.Event()

    async def away() -> None:
        stop.set()
        raise OSError("away")

    began = time.monotonic()
    assert not await until(away, stop, lambda: 1.0, OSError)
    assert time.monotonic() - began < LONGEST_WAIT


async def test_tables_that_come_later(kafka: str, topics: Topics, url: str) -> None:
    await flow.produce(kafka, topics.events.name, [(0, event(1))])
    clickhouse = ClickHouse(url)
    try:
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(_stores(kafka, topics, url, clickhouse))
            await migrate(clickhouse, database=clickhouse.database)
        assert starting.done()
    finally:
        await clickhouse.command(f"DROP DATABASE {clickhouse.database}")
        await clickhouse.close()


async def _stores(kafka: str, topics: Topics, url: str, clickhouse: ClickHouse) -> None:
    async with flow.sinking(kafka, topics, url):
        await flow.exactly(clickhouse, [1])


async def test_stopping_while_waiting_for_topics(
    kafka: str, url: str, clickhouse: ClickHouse, caplog: pytest.LogCaptureFixture
) -> None:
    absent = Topics(f"absent{secrets.token_hex(4)}", 3)
    stop = asyncio.Event()
    sink = Sink(
        kafka, absent, ClickHouse(url), flow.clock, Metrics(), chance=lambda: 0.1, group="g"
    )
    running = asyncio.create_task(sink.run(stop, stop.set))

    async def complained() -> bool:
        return f"no topic {absent.dead.name}: run `headrace init`" in caplog.text

    await flow.eventually(complained, "a word about the missing topic")
    stop.set()
    await asyncio.wait_for(running, flow.DEADLINE)


@pytest.mark.faults
async def test_no_more_is_held_than_allowed(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse, engine: StandIn
) -> None:
    """While ClickHouse is away reading pauses, the group keeps its member, and all lands later."""
    bound = Limits(rows=100, age_ms=50, hold_rows=400)
    record = 50
    async with proxy(engine.host, engine.port) as way:
        way_url = url.replace(f":{engine.port}/", f":{way.port}/")
        async with flow.sinking(kafka, topics, way_url, limits=bound) as sink:
            await flow.produce(kafka, topics.events.name, [(0, event(0))])
            await flow.all_committed(kafka, topics, 1)
            way.cut()
            for first in range(1, 2_001, 200):
                sent = [event(number) for number in range(first, first + 200)]
                await flow.produce(kafka, topics.events.name, flow.records(sent, record))

            async def paused() -> bool:
                return sink.metrics.get("headrace_sink_buffered_rows") >= bound.hold_rows

            await flow.eventually(paused, "the buffer is full")
            held = sink.metrics.get("headrace_sink_buffered_rows")
            way.away = False
            await flow.exactly(clickhouse, range(2_001))
            await flow.all_committed(kafka, topics, 41)
    assert held < 2_000
