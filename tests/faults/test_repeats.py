"""The same events again: at once, elsewhere, much later, and from the very beginning."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.declare import declare
from schemas.events import iso
from schemas.metrics import Metrics
from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from sinks.erasures import Erasures
from tests.faults.measure import Stage
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, event, packed

pytestmark = pytest.mark.faults

COUNT = 600
HOUR = 3_600_000
_VIEWS = "SELECT sum(events), count() FROM @sessions"


async def test_duplicates_of_every_kind(
    stage: Stage, kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    lines = [event(number) for number in range(COUNT)]
    later = [event(number, received_at=iso(NOVEMBER + HOUR)) for number in range(COUNT)]
    async with flow.sinking(kafka, topics, url):
        stage.heal()
        await stage.put([*lines, *lines], 2 * COUNT)
        stage.sent = COUNT
        await stage.tell("9", "twice in one batch", await stage.recovered())
        stage.heal()
        await stage.put(lines)
        await stage.tell("9", "again in another batch", await stage.recovered())
        stage.heal()
        await stage.put([event(0), *lines])
        await stage.tell("9", "again on another partition", await stage.recovered())
    before = await flow.ask(clickhouse, _VIEWS)
    await clickhouse.command(f"OPTIMIZE TABLE {clickhouse.database}.events FINAL")
    async with flow.sinking(kafka, topics, url):
        stage.heal()
        await stage.put(later)
        await flow.all_committed(kafka, topics, stage.records)
        await stage.tell("9", "an hour later, merged, by another sink", await stage.recovered())
    assert await flow.ask(clickhouse, _VIEWS) == before


async def test_clocks_that_jump(
    stage: Stage, kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    """Fault 16: events of 1970 and 2100, and edges whose clock goes backwards between retries."""
    jumps = [0, -HOUR, HOUR, -24 * HOUR]
    async with flow.sinking(kafka, topics, url):
        stage.heal()
        for jump in jumps:
            times = [0, 4_102_444_800_000, NOVEMBER + jump, NOVEMBER]
            lines = [
                event(number, at=times[number % 4], received_at=iso(NOVEMBER + jump + number))
                for number in range(COUNT)
            ]
            await stage.put(lines)
        stage.sent = COUNT
        recovery = await stage.recovered()
    async with flow.sinking(kafka, topics, url):
        await stage.put([event(1, received_at=iso(NOVEMBER - 48 * HOUR))])
        await flow.all_committed(kafka, topics, stage.records)
    await stage.tell("16", "1970, 2100, received_at backwards", recovery)
    assert await flow.ask(clickhouse, "SELECT count() FROM @events FINAL") == [(COUNT,)]


async def test_all_of_it_once_more(
    stage: Stage, kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    """Fault 17: offsets reset to the beginning, then the topic deleted and made again."""
    async with flow.sinking(kafka, topics, url):
        await stage.send(COUNT)
        await stage.recovered()
    before = await flow.ask(clickhouse, _VIEWS)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        stage.heal()
        reader = f"{topics.prefix}-again"
        async with flow.sinking(kafka, topics, url, group=reader):
            await flow.all_committed(kafka, topics, stage.records, reader)
        await stage.tell("17", "offsets reset to earliest", await stage.recovered())
        await admin.delete_topics([topics.events.name])
    finally:
        await admin.close()
    await declare(kafka, [topics.events])
    stage.heal()
    stage.records, stage.group = 0, f"{topics.prefix}-anew"
    old = stage.sent
    await stage.put([event(number) for number in range(old, old + COUNT)])
    await stage.put([event(number) for number in range(old)])
    stage.sent = old + COUNT
    async with flow.sinking(kafka, topics, url, group=stage.group):
        recovery, note = await stage.settled()
    await stage.tell("17", "topic made again, offsets from 0", recovery, note)
    ((events, _),) = await flow.ask(clickhouse, _VIEWS)
    assert events == before[0][0] + COUNT


async def test_a_person_is_erased_while_their_events_come_again(
    stage: Stage, kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    """Fault 19: whatever is on its way or comes again, nothing of them stays."""
    theirs = [event(number, group_id="erased") for number in range(COUNT)]
    others = [event(number) for number in range(COUNT, COUNT + 100)]
    erasures, metrics = Erasures(clickhouse, clickhouse.database), Metrics()
    async with flow.sinking(kafka, topics, url):
        await stage.put(theirs)
        await flow.has_stored(clickhouse, COUNT // 2)
        stage.heal()
        await erasures.erase("shop", "erased")
        await stage.put([packed(*theirs, *others)], 1)
        await flow.all_committed(kafka, topics, stage.records)
    async with flow.sinking(kafka, topics, url):
        await stage.put(theirs)
        await flow.all_committed(kafka, topics, stage.records)
        await erasures.sweep()
        await flow.exactly(clickhouse, range(COUNT, COUNT + 100))
    ((left,),) = await flow.ask(
        clickhouse, "SELECT count() FROM @events FINAL WHERE group_id = 'erased'"
    )
    assert left == 0
    assert metrics.text() == "\n"
