"""SIGKILL, cut lines and lost answers: nothing is lost, and nothing is seen twice."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from tests.contracts.clickhouse.stand_in import StandIn
from tests.contracts.leash import Leashed
from tests.faults.figures import Report
from tests.faults.measure import Stage
from tests.sinks import flow
from tests.sinks.lines import event
from tests.sinks.proxy import LOSE, Proxy, proxy

COUNT = 1_000
"""Events of one wave; a wave is at least one insert."""


def launch(kafka: str, topics: Topics, url: str, when: str, log: Path) -> Leashed:
    arguments = [kafka, topics.prefix, str(topics.partitions), url, when]
    return Leashed([sys.executable, "-m", "tests.sinks.suicidal", *arguments], log)


async def send(kafka: str, topics: Topics, first: int) -> None:
    """One wave: ten records of a hundred events."""
    sent = [event(number) for number in range(first, first + COUNT)]
    assert await flow.produce(kafka, topics.events.name, flow.records(sent, 100)) == 10


def through(url: str, old: StandIn | Proxy, new: StandIn | Proxy) -> str:
    """The same address with another port."""
    return url.replace(f":{old.port}/", f":{new.port}/")


async def tried(sink: flow.Running, times: int) -> None:
    async def enough() -> bool:
        return sink.metrics.get("headrace_sink_retries_total", code="no-answer") >= times

    await flow.eventually(enough, f"{times} tries")


@pytest.mark.faults
@pytest.mark.parametrize("when", ["before", "during", "after"])
async def test_killed_around_an_insert(
    kafka: str,
    topics: Topics,
    url: str,
    clickhouse: ClickHouse,
    tmp_path: Path,
    report: Report,
    when: str,
) -> None:
    victim = launch(kafka, topics, url, when, tmp_path / "victim.log")
    await send(kafka, topics, 0)
    await flow.all_committed(kafka, topics, 10)
    await send(kafka, topics, COUNT)
    status = await asyncio.to_thread(victim.wait, flow.DEADLINE)
    assert status == -9, victim.tail()
    assert await flow.committed(kafka, topics) == 10

    stage = Stage(kafka, topics, clickhouse, report, sent=2 * COUNT, records=20)
    stage.heal()
    heir = launch(kafka, topics, url, "never", tmp_path / "heir.log")
    try:
        recovery = await stage.recovered()
        await stage.tell("1" if when == "after" else "2", f"sink killed {when} an insert", recovery)
    finally:
        status = await asyncio.to_thread(heir.stop)
    assert status == 0, heir.tail()
    assert await flow.ask(clickhouse, "SELECT sum(events) FROM @sessions") == [(2 * COUNT,)]


@pytest.mark.faults
async def test_lost_answers_double_nothing(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse, engine: StandIn
) -> None:
    async with (
        proxy(engine.host, engine.port) as way,
        flow.sinking(kafka, topics, through(url, engine, way)) as sink,
    ):
        for wave in (1, 2):
            way.tricks = [LOSE]
            await send(kafka, topics, (wave - 1) * COUNT)
            await flow.exactly(clickhouse, range(wave * COUNT))
            await flow.all_committed(kafka, topics, wave * 10)
            assert way.played == wave
        assert sink.metrics.get("headrace_sink_retries_total", code="no-answer") == 2
        assert sink.metrics.get("headrace_sink_fenced_total", table="events") > 0


@pytest.mark.faults
async def test_clickhouse_away_for_a_while(
    kafka: str,
    topics: Topics,
    url: str,
    clickhouse: ClickHouse,
    engine: StandIn,
    report: Report,
) -> None:
    """The sink waits, keeps its partitions, and goes on where it was."""
    async with (
        proxy(engine.host, engine.port) as way,
        flow.sinking(kafka, topics, through(url, engine, way)) as sink,
    ):
        await send(kafka, topics, 0)
        await flow.all_committed(kafka, topics, 10)
        way.cut()
        await send(kafka, topics, COUNT)
        await tried(sink, 4)
        assert len(await flow.stored(clickhouse)) == COUNT
        way.away = False
        stage = Stage(kafka, topics, clickhouse, report, sent=2 * COUNT, records=20)
        stage.heal()
        await stage.tell("6", "ClickHouse away for seconds", await stage.recovered())


@pytest.mark.faults
async def test_clickhouse_killed_while_it_inserts(
    kafka: str, topics: Topics, tmp_path: Path
) -> None:
    """Whatever the dead server had written of an insert, tables and views come out right."""
    async with contextlib.AsyncExitStack() as running:
        mortal = running.enter_context(StandIn(tmp_path))
        way = await running.enter_async_context(proxy(mortal.host, mortal.port))
        url = through(flow.address(mortal), mortal, way)
        clickhouse = ClickHouse(url)
        running.push_async_callback(clickhouse.close)
        await migrate(clickhouse, database=clickhouse.database)
        sink = await running.enter_async_context(flow.sinking(kafka, topics, url))
        for wave in range(4):
            way.inserting.clear()
            await send(kafka, topics, wave * COUNT)
            await asyncio.wait_for(way.inserting.wait(), flow.DEADLINE)
            if wave % 2:
                mortal.kill()
                await asyncio.to_thread(mortal.start)
                way.target = mortal.host, mortal.port
        await flow.all_committed(kafka, topics, 40)
        await flow.exactly(clickhouse, range(4 * COUNT))
        assert await flow.ask(clickhouse, "SELECT sum(events) FROM @sessions") == [(4 * COUNT,)]
        assert sink.metrics.get("headrace_sink_retries_total", code="no-answer") > 0


@pytest.mark.faults
async def test_stopping_while_clickhouse_is_away(
    kafka: str,
    topics: Topics,
    url: str,
    clickhouse: ClickHouse,
    engine: StandIn,
    report: Report,
) -> None:
    """A sink that cannot write still leaves in time; the next one stores what it read."""
    async with (
        proxy(engine.host, engine.port) as way,
        flow.sinking(kafka, topics, through(url, engine, way)) as sink,
    ):
        way.cut()
        await send(kafka, topics, 0)
        await tried(sink, 1)
        async with asyncio.timeout(10):
            await sink.stop()
    assert await flow.committed(kafka, topics) == 0
    stage = Stage(kafka, topics, clickhouse, report, sent=COUNT, records=10)
    stage.heal()
    async with flow.sinking(kafka, topics, url):
        await stage.tell("6", "away across a sink's restart", await stage.recovered())
