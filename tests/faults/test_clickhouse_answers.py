"""ClickHouse, or what stands before it, answers late, wrongly, halfway or not at all."""

import asyncio

import pytest

from schemas.topics import MAX_RECORD_BYTES, Topics
from tests.contracts.clickhouse.stand_in import StandIn
from tests.faults.measure import Stage
from tests.sinks import flow
from tests.sinks.lines import event
from tests.sinks.proxy import LOSE, Trick, answer, proxy

pytestmark = pytest.mark.faults

PATIENCE = 2.0
"""Seconds that the sink of these tests waits for an answer, in place of sixty."""
WAVE = 600
AWAY_SECONDS = 60.0
PAUSE_SECONDS = 0.2
_LATE = b"Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)"
_NONE = 'X-ClickHouse-Summary: {"written_rows":"0"}'
_PART = 'X-ClickHouse-Summary: {"written_rows":"500"}'

TRICKS = [
    ("4", "answer lost after the insert", LOSE),
    ("5", "insert hangs", Trick(holding=10 * PATIENCE)),
    ("6", "insert takes most of the patience", Trick(holding=PATIENCE * 0.6)),
    ("7", "HTTP 429", Trick(instead=answer("429 Too Many Requests", b"later"))),
    ("7", "HTTP 503", Trick(instead=answer("503 Service Unavailable", b"<html>busy</html>"))),
    ("7", "answer truncated", Trick(passing=40)),
    ("7", "error after 200", Trick(after=answer("200 OK", _LATE))),
    ("18", "memory limit (241)", Trick(setting=b"max_memory_usage=1&max_untracked_memory=1")),
    ("21", "written_rows 0", Trick(after=answer("200 OK", b"", _NONE))),
    ("21", "written_rows too few", Trick(after=answer("200 OK", b"", _PART))),
]


async def test_whatever_is_answered_each_row_is_there_once(
    stage: Stage, kafka: str, topics: Topics, url: str, engine: StandIn
) -> None:
    async with proxy(engine.host, engine.port) as way:
        through = url.replace(f":{engine.port}/", f":{way.port}/")
        async with flow.sinking(kafka, topics, through, seconds=PATIENCE) as sink:
            for number, (fault, what, trick) in enumerate(TRICKS):
                way.tricks = [trick]
                stage.heal()
                await stage.send(WAVE)
                recovery = await stage.recovered()
                assert way.played == number + 1, what
                await stage.tell(fault, what, recovery)
            told = sink.metrics.text()
    for code in ("no-answer", "memory-limit-exceeded", "rows-missing"):
        assert f'headrace_sink_retries_total{{code="{code}"}}' in told


@pytest.mark.slow_fault
async def test_clickhouse_is_stopped_for_longer_than_the_sink_waits(
    stage: Stage, kafka: str, topics: Topics, url: str, engine: StandIn
) -> None:
    """Fault 5 with the real time-out; ClickHouse's process stands still with the rows in it."""
    async with proxy(engine.host, engine.port) as way:
        through = url.replace(f":{engine.port}/", f":{way.port}/")
        async with flow.sinking(kafka, topics, through) as sink:
            await stage.send(WAVE)
            await stage.recovered()
            way.tricks = [Trick(holding=120)]
            await stage.send(WAVE)

            async def gave_up() -> bool:
                return sink.metrics.get("headrace_sink_retries_total", code="no-answer") >= 1

            await flow.eventually(gave_up, "the sink gives up waiting", 90)
            stage.heal()
            await stage.tell("5", "insert hangs 120 s", await stage.recovered())


@pytest.mark.slow_fault
async def test_every_insert_takes_five_seconds(
    stage: Stage, kafka: str, topics: Topics, url: str, engine: StandIn
) -> None:
    """Fault 6: what comes meanwhile goes out as fewer, larger inserts."""
    async with proxy(engine.host, engine.port) as way:
        through = url.replace(f":{engine.port}/", f":{way.port}/")
        way.always = Trick(holding=5)
        async with flow.sinking(kafka, topics, through) as sink:
            stage.heal()
            for _ in range(40):
                await stage.send(WAVE)
            recovery = await stage.recovered()
            inserts = sink.metrics.get("headrace_sink_inserts_total", table="events")
            await stage.tell("6", "inserts take 5 s", recovery, f"{inserts:.0f} inserts")
    assert inserts < 10


@pytest.mark.slow_fault
async def test_clickhouse_is_away_for_a_minute(
    stage: Stage, kafka: str, topics: Topics, url: str, engine: StandIn
) -> None:
    """Fault 6: Kafka is the buffer; the sink holds no more than it may and catches up."""
    async with proxy(engine.host, engine.port) as way:
        through = url.replace(f":{engine.port}/", f":{way.port}/")
        async with flow.sinking(kafka, topics, through) as sink:
            await stage.send(WAVE)
            await stage.recovered()
            way.cut()
            ends = asyncio.get_running_loop().time() + AWAY_SECONDS
            while asyncio.get_running_loop().time() < ends:
                await stage.send(WAVE)
                await asyncio.sleep(PAUSE_SECONDS)  # a steady stream, not a flood
            way.away = False
            stage.heal()
            recovery = await stage.recovered()
            tries = sink.metrics.get("headrace_sink_retries_total", code="no-answer")
            await stage.tell("6", "ClickHouse away for 60 s", recovery, f"{tries:.0f} tries")


async def test_the_largest_event(stage: Stage, kafka: str, topics: Topics, url: str) -> None:
    """Fault 18: as large as its topic lets it be; ingest refuses more than a quarter of it."""
    text = "x" * (MAX_RECORD_BYTES - 2_000)
    async with flow.sinking(kafka, topics, url):
        stage.heal()
        await stage.put([event(0, properties={"number": 0, "text": text})], 1)
        stage.sent = 1
        await stage.tell("18", f"one event of {len(text) >> 10} KiB", await stage.recovered())
        await stage.send(WAVE)
        await stage.recovered()
