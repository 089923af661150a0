import asyncio
import logging
import socket

import pytest

from sinks import rows
from sinks.clickhouse import ClickHouse
from sinks.fence import Fence
from sinks.tables import EVENTS
from sinks.verdict import POISON, RETRY, STOP, Failed
from tests.contracts.clickhouse.stand_in import StandIn
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, event, poison
from tests.sinks.proxy import LOSE, proxy

MINUTE = 60_000


def events(*numbers: int, partition: int = 0, offset: int = 0) -> list[rows.Row]:
    return [rows.events(event(number), partition, offset) for number in numbers]


async def test_an_error_has_a_code_a_reason_a_verdict_and_a_row(clickhouse: ClickHouse) -> None:
    bad = [*events(1, 2), rows.events(poison(3), 0, 0)]
    with pytest.raises(Failed) as caught:
        await clickhouse.insert("events", rows.body(bad))
    assert (caught.value.code, caught.value.verdict, caught.value.row) == (
        "incorrect-data",
        POISON,
        2,
    )
    assert caught.value.message.startswith("Code: 117. DB::Exception: ")
    assert "127.0.0.1" not in caught.value.message
    assert await flow.stored(clickhouse) == []


async def test_nobody_there_is_worth_another_try() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = ClickHouse(f"http://u:secret@127.0.0.1:{taken.getsockname()[1]}/d")
        with pytest.raises(Failed) as caught:
            await client.query("SELECT 1")
    assert (caught.value.code, caught.value.verdict) == ("no-answer", RETRY)


async def test_an_answer_that_does_not_come_ends(url: str, engine: StandIn) -> None:
    client = ClickHouse(url, seconds=0.5)
    try:
        await client.query("SELECT 1")
        with pytest.raises(Failed, match="did not answer in time"):
            await client.query("SELECT sleep(3)")
    finally:
        await client.close()


async def test_a_wrong_password_stops_and_is_not_shown(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = ClickHouse(url.replace("http://writer:", "http://writer:hush-"))
    with pytest.raises(Failed) as caught:
        await client.query("SELECT 1")
    assert caught.value.verdict == STOP
    assert "hush" not in caught.value.message + caplog.text + repr(client)


@pytest.mark.parametrize("url", ["", "tcp://h:1/d", "http:///d", "http://h:1/d;x"])
def test_an_address_that_cannot_be(url: str) -> None:
    with pytest.raises(Failed):
        ClickHouse(url)


async def test_a_cut_answer_is_not_sent_again_by_the_driver(
    url: str, clickhouse: ClickHouse, engine: StandIn
) -> None:
    async with proxy(engine.host, engine.port) as way:
        client = ClickHouse(url.replace(f":{engine.port}/", f":{way.port}/"))
        try:
            await client.query("SELECT 1")
            way.tricks = [LOSE]
            with pytest.raises(Failed) as caught:
                await client.insert("events", rows.body(events(1)))
        finally:
            await client.close()
    assert (caught.value.code, way.played) == ("no-answer", 1)
    assert len(await flow.stored(clickhouse)) == 1


async def test_the_fence_sees_what_landed(clickhouse: ClickHouse) -> None:
    fence = Fence(clickhouse, EVENTS)
    assert await fence.horizon({0: 0, 1: 0}) == {0: -1, 1: -1}
    landed = [*events(1, 2, offset=5), *events(3, offset=9), *events(4, partition=1, offset=7)]
    await clickhouse.insert("events", rows.body(landed))
    assert await fence.horizon({0: 6, 1: 8, 2: 0}) == {0: 9, 1: -1, 2: -1}
    found = await fence.landed({0: (5, 8), 1: (0, 7)})
    assert found == {(row.partition, row.offset, row.key) for row in landed if row.offset != 9}
    assert await fence.landed({}) == set()


async def test_settling_waits_for_a_running_insert(clickhouse: ClickHouse) -> None:
    fence = Fence(clickhouse, EVENTS)
    slow = asyncio.create_task(
        clickhouse.command(
            f"INSERT INTO {clickhouse.database}.events (event_id)"  # noqa: S608
            " SELECT generateUUIDv4() FROM numbers(2) WHERE sleepEachRow(0.5) = 0"
        )
    )

    async def runs() -> bool:
        return bool(await fence._running())

    await flow.eventually(runs, "the insert runs")
    await fence.settle()
    assert len(await flow.stored(clickhouse)) == 2
    await slow


async def test_sessions_come_out_the_same_when_rows_are_fed_again(clickhouse: ClickHouse) -> None:
    lines = [
        event(1, session_id="s", user_id="u", page_url="/a", kind="page"),
        event(2, session_id="s", at=NOVEMBER + MINUTE, utm_source="mail", utm_campaign="c"),
        event(3, session_id="s", at=NOVEMBER + 2 * MINUTE, page_url="/z", kind="page"),
        event(4, session_id=""),
    ]
    found = [rows.events(line, 0, 3) for line in lines]
    await clickhouse.insert("events", rows.body(found))
    sql = (
        "SELECT session_id, user_id, profile_id, duration, events, pages, entry, exit, utm_source,"
        " campaign, toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(end) FROM @sessions"
    )
    once = await flow.ask(clickhouse, sql)
    times = NOVEMBER, NOVEMBER + 2 * MINUTE
    assert once == [("s", "u", "profile-3", 120.0, 3, 2, "/a", "/z", "mail", "c", *times)]
    await Fence(clickhouse, EVENTS).feed({0: (3, 3)})
    assert await flow.ask(clickhouse, sql) == once


async def test_the_feed_repairs_views_that_a_dead_server_left_behind(
    clickhouse: ClickHouse,
) -> None:
    await clickhouse.insert("events", rows.body(events(1, 2, offset=3)))
    await clickhouse.command(f"TRUNCATE TABLE {clickhouse.database}.session_states")
    await Fence(clickhouse, EVENTS).feed({0: (3, 3)})
    assert await flow.ask(clickhouse, "SELECT sum(events) FROM @sessions") == [(2,)]


async def test_the_last_write_wins_also_across_months(clickhouse: ClickHouse) -> None:
    for number, at in enumerate((NOVEMBER, NOVEMBER - 40 * 1_440 * MINUTE)):
        row = rows.events(event(1, at=at, user_id=f"u{number}"), 0, number)
        await clickhouse.insert("events", rows.body([row]))
    assert await flow.ask(clickhouse, "SELECT user_id FROM @events FINAL") == [("u1",)]
