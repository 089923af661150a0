"""Tables change, vanish or refuse while events stream in: no row is blamed, none is lost."""

import asyncio

import pytest

from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from sinks.verdict import Stopped
from tests.faults.measure import Stage
from tests.sinks import flow
from tests.sinks.lines import event

pytestmark = pytest.mark.faults

WAVE = 500


async def test_too_many_parts_are_waited_out(
    stage: Stage, kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    """Fault 12: error 252 passes, unlike the 252 of too many partitions in one insert."""
    events = f"{clickhouse.database}.events"
    await clickhouse.command(f"SYSTEM STOP MERGES {events}")
    limit = "parts_to_delay_insert = 1, parts_to_throw_insert = 2"
    await clickhouse.command(f"ALTER TABLE {events} MODIFY SETTING {limit}")
    async with flow.sinking(kafka, topics, url) as sink:
        for _ in range(3):
            await stage.send(WAVE)

            async def progress() -> bool:
                there = len(await flow.stored(clickhouse)) == stage.sent
                return there or bool(
                    sink.metrics.get("headrace_sink_retries_total", code="too-many-parts")
                )

            await flow.eventually(progress, "stored or refused")
        assert sink.metrics.get("headrace_sink_retries_total", code="too-many-parts")
        stage.heal()
        await clickhouse.command(f"SYSTEM START MERGES {events}")
        await clickhouse.command(
            f"ALTER TABLE {events} RESET SETTING parts_to_delay_insert, parts_to_throw_insert"
        )
        figures = await stage.tell("12", "too many parts (252)", await stage.recovered())
    assert figures.dead == 0


async def test_a_column_comes_while_events_stream_in(
    stage: Stage, kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    events = f"{clickhouse.database}.events"
    async with flow.sinking(kafka, topics, url):
        await stage.send(WAVE)
        await clickhouse.command(f"ALTER TABLE {events} ADD COLUMN colour String")
        stage.heal()
        await stage.send(WAVE)
        coloured = range(stage.sent, stage.sent + WAVE)
        await stage.put([event(number, colour="red") for number in coloured])
        stage.sent += WAVE
        await stage.tell("15", "column added", await stage.recovered())
    ((red,),) = await flow.ask(clickhouse, "SELECT count() FROM @events WHERE colour = 'red'")
    assert red == WAVE


@pytest.mark.parametrize(
    ("what", "breaking", "mending", "code"),
    [
        (
            "column dropped",
            "ALTER TABLE @events DROP COLUMN os_version",
            "ALTER TABLE @events ADD COLUMN os_version String AFTER os",
            "incorrect-data",
        ),
        (
            "column's type changed",
            "ALTER TABLE @events DROP COLUMN os_version, ADD COLUMN os_version UInt32",
            "ALTER TABLE @events DROP COLUMN os_version, ADD COLUMN os_version String",
            "too-many-dead-letters",
        ),
        (
            "table missing",
            "RENAME TABLE @events TO @elsewhere",
            "RENAME TABLE @elsewhere TO @events",
            "unknown-table",
        ),
    ],
)
async def test_a_table_that_does_not_fit_stops_the_sink(
    stage: Stage,
    kafka: str,
    topics: Topics,
    url: str,
    clickhouse: ClickHouse,
    *,
    what: str,
    breaking: str,
    mending: str,
    code: str,
) -> None:
    """Fault 15: what is wrong is the table; once it is mended everything is stored."""
    with pytest.raises(Stopped) as caught:  # noqa: PT012 - the sink raises when it is left
        async with flow.sinking(kafka, topics, url) as sink:
            await stage.send(WAVE)
            await stage.recovered()
            await clickhouse.command(breaking.replace("@", f"{clickhouse.database}."))
            await stage.put([event(n, os_version="x1") for n in range(WAVE, 2 * WAVE)])
            stage.sent = 2 * WAVE
            await asyncio.wait_for(sink.task, flow.DEADLINE)
    assert caught.value.code == code
    assert await flow.committed(kafka, topics) == stage.records // 2
    await clickhouse.command(mending.replace("@", f"{clickhouse.database}."))
    stage.heal()
    async with flow.sinking(kafka, topics, url):
        recovery = await stage.recovered()
    figures = await stage.tell("15", what, recovery)
    assert figures.stored == figures.sent
