"""ClickHouse short of disk or file handles, or killed between two steps of an insert."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import which
from subprocess import run

import pytest

from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.verdict import Failed
from tests.contracts.clickhouse.stand_in import StandIn
from tests.faults.figures import Report
from tests.faults.measure import Stage
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, event
from tests.sinks.proxy import proxy

pytestmark = pytest.mark.faults

DAY = 86_400_000
WAVE = 1_000
KEYS = 2_000
UNSHARE, STRACE = which("unshare") or "", which("strace") or ""


def _can_mount() -> bool:
    return bool(UNSHARE) and run([UNSHARE, "-rm", "true"], check=False).returncode == 0


def _can_trace() -> bool:
    return bool(STRACE) and run([STRACE, "-o", "/dev/null", "true"], check=False).returncode == 0


@contextlib.asynccontextmanager
async def _tables(engine: StandIn) -> AsyncIterator[ClickHouse]:
    clickhouse = ClickHouse(flow.address(engine))
    await migrate(clickhouse, database=clickhouse.database)
    try:
        yield clickhouse
    finally:
        await clickhouse.close()


def _url(engine: StandIn, clickhouse: ClickHouse) -> str:
    return flow.address(engine).rpartition("/")[0] + f"/{clickhouse.database}"


@pytest.mark.skipif(not _can_mount(), reason="needs unshare and the right to mount a tmpfs")
async def test_the_disk_of_clickhouse_is_full(
    tmp_path: Path, kafka: str, topics: Topics, report: Report
) -> None:
    """Fault 13: refused rows are no dead letters; writing goes on as soon as there is room."""
    (tmp_path / "data").mkdir()
    mount = f"mount -t tmpfs -o size=48m none {tmp_path}/data"
    wrapper = (UNSHARE, "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh")
    with StandIn(tmp_path, wrapper=wrapper) as engine:
        async with _tables(engine) as clickhouse:
            ballast = f"{clickhouse.database}.ballast"
            stage = Stage(kafka, topics, clickhouse, report)
            async with flow.sinking(kafka, topics, _url(engine, clickhouse)) as sink:
                await stage.send(WAVE)
                await stage.recovered()
                await _fill(clickhouse, ballast)

                async def refused() -> bool:
                    name = "headrace_sink_retries_total"
                    return sink.metrics.get(name, code="not-enough-space") > 0

                while not await refused():
                    await stage.send(WAVE)
                    await flow.eventually(lambda: _either(stage, refused), "stored or refused")
                stage.heal()
                await clickhouse.command(f"DROP TABLE {ballast} SYNC")
                figures = await stage.tell("13", "disk full (243)", await stage.recovered())
    assert figures.dead == 0


async def _either(stage: Stage, refused: object) -> bool:
    assert callable(refused)
    return bool(await refused()) or not await stage.missing()


async def _fill(clickhouse: ClickHouse, table: str) -> None:
    """Write blocks of a megabyte until there is no room for another."""
    await clickhouse.command(
        f"CREATE TABLE {table} (s String CODEC(NONE)) ENGINE = MergeTree ORDER BY ()"
    )
    await clickhouse.command(f"SYSTEM STOP MERGES {table}")
    block = f"INSERT INTO {table} SELECT randomString(1000) FROM numbers(1000)"  # noqa: S608 - ours
    with pytest.raises(Failed) as caught:  # noqa: PT012 - one of the blocks raises
        while True:
            await clickhouse.command(block)
    assert caught.value.code == "not-enough-space"


@pytest.mark.slow_fault
async def test_few_file_handles_and_a_flood_of_keys(
    tmp_path: Path, kafka: str, topics: Topics, report: Report
) -> None:
    """Fault 14: 1,024 open files are enough for 2,000 different keys in one insert."""
    wrapper = ("sh", "-c", 'ulimit -n 1024 && exec "$@"', "sh")
    with StandIn(tmp_path, wrapper=wrapper) as engine:
        async with _tables(engine) as clickhouse:
            stage = Stage(kafka, topics, clickhouse, report)
            async with flow.sinking(kafka, topics, _url(engine, clickhouse)):
                stage.heal()
                for wave in range(3):
                    first = wave * KEYS
                    lines = [
                        event(number, properties={"number": number, f"key_{number}": number})
                        for number in range(first, first + KEYS)
                    ]
                    await stage.put(lines)
                stage.sent = 3 * KEYS
                note = f"{3 * KEYS} keys, ulimit -n 1024"
                figures = await stage.tell("14", "flood of keys", await stage.recovered(), note)
    assert figures.dead == 0


@pytest.mark.slow_fault
async def test_killed_while_it_inserts(
    tmp_path: Path, kafka: str, topics: Topics, report: Report
) -> None:
    """Fault 3, at no chosen point: events and views come right, also those of several months."""
    with StandIn(tmp_path) as engine:
        stage = Stage(kafka, topics, ClickHouse("http://x"), report)
        await _killed_again_and_again(engine, stage, 6, "")


@pytest.mark.slow_fault
@pytest.mark.skipif(not _can_trace(), reason="needs strace and the right to trace")
@pytest.mark.parametrize("months", [1, 6])
async def test_killed_before_parts_get_their_names(
    tmp_path: Path, kafka: str, topics: Topics, report: Report, months: int
) -> None:
    """Fault 3 at the worst point: parts are written and wait for their renaming."""
    inject = "inject=rename,renameat,renameat2:delay_enter=200000"
    wrapper = (STRACE, "-D", "-f", "-qq", "-o", "/dev/null", "-e", inject)
    with StandIn(tmp_path, wrapper=wrapper) as engine:
        stage = Stage(kafka, topics, ClickHouse("http://x"), report)
        await _killed_again_and_again(engine, stage, months, ", renames delayed")


async def _killed_again_and_again(engine: StandIn, stage: Stage, months: int, note: str) -> None:
    async with contextlib.AsyncExitStack() as running:
        way = await running.enter_async_context(proxy(engine.host, engine.port))
        base = flow.address(engine)
        through = base.replace(f":{engine.port}/", f":{way.port}/")
        stage.clickhouse = clickhouse = ClickHouse(through)
        running.push_async_callback(clickhouse.close)
        await migrate(clickhouse, database=clickhouse.database)
        sink = await running.enter_async_context(flow.sinking(stage.kafka, stage.topics, through))
        kills = 3
        for wave in range(kills):
            first = wave * WAVE
            lines = [
                event(number, at=NOVEMBER - number % months * 31 * DAY)
                for number in range(first, first + WAVE)
            ]
            way.inserting.clear()
            await stage.put(lines)
            stage.sent += WAVE
            await asyncio.wait_for(way.inserting.wait(), flow.DEADLINE)
            engine.kill()
            stage.heal()
            await asyncio.to_thread(engine.start)
            way.target = engine.host, engine.port
            recovery = await stage.recovered()
        text = f"{kills} kills{note}"
        what = f"ClickHouse killed mid-insert, {months} month{'s' * (months > 1)}"
        await stage.tell("3", what, recovery, text)
        sessions = await flow.ask(clickhouse, "SELECT sum(events) FROM @sessions")
        assert sessions == [(stage.sent,)]
        assert sink.metrics.get("headrace_sink_retries_total", code="no-answer") > 0
