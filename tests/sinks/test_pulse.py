"""Heartbeats: apart from users' rows, measured to the SELECT, and believed only while they come."""

import asyncio

from schemas import heartbeat
from schemas.events import iso
from schemas.metrics import Metrics
from schemas.topics import HEARTBEAT, Topics
from sinks import rows
from sinks.clickhouse import ClickHouse
from sinks.pulse import Pulse
from sinks.rows import Row
from tests.sinks.flow import ask, clock, exactly, produce, sinking
from tests.sinks.lines import event, event_id, packed

SECONDS = 5.0


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = clock()

    def __call__(self) -> int:
        return self.now


def canonical(number: int, sent_at: int) -> bytes:
    return (
        b'{"event_id":"%b","event_time":"%b","received_at":"%b","source_id":"%b","message_id":"e-1"}'
        % (event_id(number).encode(), *[iso(sent_at).encode()] * 2, HEARTBEAT.encode())
    )


def beat(number: int, sent_at: int) -> Row:
    return rows.events(canonical(number, sent_at), 1, number)


async def test_heartbeats_among_events_are_handed_on_and_no_rows_of_users(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    taken: list[Row] = []
    value = packed(event(1), canonical(9, clock()), event(2))
    assert heartbeat.MARK in value
    await produce(kafka, topics.events.name, [(0, value)])
    async with sinking(kafka, topics, url, beats=taken.extend):
        await exactly(clickhouse, [1, 2])
    assert [row.key[:36].decode() for row in taken] == [event_id(9)]


async def test_a_heartbeat_is_measured_when_a_select_has_seen_it(
    url: str, clickhouse: ClickHouse
) -> None:
    metrics, now = Metrics(), Clock()
    pulse = Pulse(ClickHouse(url), now, metrics, seconds=SECONDS)
    other = Pulse(ClickHouse(url), now, Metrics(), seconds=SECONDS)
    pulse.take([beat(1, now.now - 800)])
    await pulse.look()
    await other.look()
    assert metrics.get("headrace_heartbeats_total") == 1
    assert metrics.get("headrace_heartbeat_seconds") == 0.8
    assert pulse.last_success == other.last_success == now.now - 800
    found = await ask(clickhouse, "SELECT edge, kafka_partition, kafka_offset FROM @heartbeats")
    assert [tuple(row) for row in found] == [("e-1", 1, 1)]
    stop = asyncio.Event()
    stop.set()
    await asyncio.gather(pulse.run(stop), other.run(stop))


async def test_what_is_late_ahead_or_not_there_is_told_from_what_is_well(
    url: str, clickhouse: ClickHouse
) -> None:
    now = Clock()
    pulse = Pulse(ClickHouse(url), now, Metrics(), seconds=SECONDS)
    assert pulse.trouble() == ""
    now.now += pulse.limit_ms + 1_000
    assert pulse.trouble() == "no heartbeat came through for 21 s (last: none since the start)"
    hour_ahead = now.now + 3_600_000
    pulse.take([beat(1, now.now - 60_000), beat(2, hour_ahead)])
    await pulse.look()
    assert pulse.trouble() == ""
    seen_at = now.now
    now.now += pulse.limit_ms + 1_000
    assert pulse.trouble().endswith(f"(last: {iso(seen_at)})")
    stop = asyncio.Event()
    stop.set()
    await pulse.run(stop)


async def test_a_line_that_nobody_here_sent_is_left_out(url: str, clickhouse: ClickHouse) -> None:
    pulse = Pulse(ClickHouse(url), clock, Metrics(), seconds=SECONDS)
    pulse.take([beat(1, clock())._replace(line=b'{"event_id":')])
    await pulse.look()
    assert pulse.last_success == 0
    stop = asyncio.Event()
    stop.set()
    await pulse.run(stop)
