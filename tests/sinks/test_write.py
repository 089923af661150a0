"""What the writer does when ClickHouse says no, little, or nothing."""

from collections.abc import Iterable, Sequence

import pytest

from schemas.events import iso
from schemas.metrics import Metrics
from sinks import rows
from sinks.batch import Batch
from sinks.breaker import Breaker
from sinks.clickhouse import ClickHouse
from sinks.rows import Poison, Row
from sinks.tables import EVENTS
from sinks.verdict import POISON, RETRY, STOP, Failed, Stopped, Verdict
from sinks.write import Writer
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, event, event_id, poison

BROKEN = [
    (b'"number":', b'"name":"\\ud800","number":'),
    (b'"number":', b'"big":1e400,"number":'),
    (b'"number":', b'"not":NaN,"number":'),
    (b'"number":', b'"deep":' + b"[" * 3_000 + b"]" * 3_000 + b',"number":'),
    (b'"properties":{', b'"properties":[{'),
    (b'"context":{}', b'"context":"x"'),
    (b'"valid":true', b'"valid":"yes"'),
    (b'"valid":true', b'"valid":true,"tags":"x"'),
    (b'"valid":true', b'"valid":true,"sent_at":"yesterday"'),
    (b'"valid":true}', b'"valid":true'),
    (b'"kind":"track"', b'"kind":{"a":1'),
    (b"-20T18:00:00", b"-99T18:00:00"),
]
"""Each makes an event that ClickHouse refuses."""


class Stubborn(ClickHouse):
    """Refuses the first inserts with the failures it is given."""

    def __init__(self, url: str, *failures: Failed) -> None:
        super().__init__(url)
        self._failures = list(failures)

    async def insert(
        self, table: str, lines: Iterable[bytes | memoryview], *, query_id: str | None = None
    ) -> int:
        if self._failures:
            raise self._failures.pop(0)
        return await super().insert(table, lines, query_id=query_id)


class Swallowing(ClickHouse):
    """Drops the last third of the rows of its first insert, as a broken proxy might."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._whole = False

    async def insert(
        self, table: str, lines: Iterable[bytes | memoryview], *, query_id: str | None = None
    ) -> int:
        if not self._whole:
            self._whole = True
            text = b"".join(lines).splitlines(keepends=True)
            lines = text[: len(text) * 2 // 3]
        return await super().insert(table, lines, query_id=query_id)


class Silent(ClickHouse):
    """Says that nothing was written, although it was: a proxy strips the summary."""

    async def insert(
        self, table: str, lines: Iterable[bytes | memoryview], *, query_id: str | None = None
    ) -> int:
        await super().insert(table, lines, query_id=query_id)
        return 0


class Desk:
    """A writer and what came of it."""

    def __init__(self, clickhouse: ClickHouse, breaker: Breaker | None = None) -> None:
        self.buried: list[Poison] = []
        self.metrics = Metrics()
        self.writer = Writer(
            clickhouse,
            EVENTS,
            self._bury,
            self.metrics,
            flow.clock,
            chance=lambda: 0.0,
            breaker=breaker,
        )

    async def _bury(self, poison: Sequence[Poison]) -> None:
        self.buried += poison

    async def write(self, lines: Sequence[bytes], offset: int = 0) -> None:
        found: list[Row] = [rows.events(line, 0, offset) for line in lines]
        await self.writer.write(Batch(found, offsets={0: offset + 1}))


@pytest.fixture
def events() -> list[bytes]:
    return [event(number) for number in range(60)]


async def test_every_kind_of_poison_is_isolated(
    clickhouse: ClickHouse, events: list[bytes]
) -> None:
    places = range(2, 60, 5)
    for place, (good, bad) in zip(places, BROKEN, strict=True):
        events[place] = events[place].replace(good, bad)
        assert bad in events[place]
    desk = Desk(clickhouse)
    await desk.write(events)
    assert [item.line for item in desk.buried] == [events[place] for place in places]
    assert await flow.stored(clickhouse) == [event_id(n) for n in range(60) if n not in places]


async def test_only_poison_trips_the_breaker_and_is_buried_all_the_same(
    clickhouse: ClickHouse,
) -> None:
    desk = Desk(clickhouse, Breaker(in_a_row=5))
    with pytest.raises(Stopped, match="5 in a row, the last as incorrect-data"):
        await desk.write([poison(number) for number in range(20)])
    assert len(desk.buried) == 5


async def test_swallowed_rows_are_noticed_and_sent_again(
    url: str, clickhouse: ClickHouse, events: list[bytes]
) -> None:
    swallowing = Swallowing(url)
    desk = Desk(swallowing)
    try:
        await desk.write(events)
    finally:
        await swallowing.close()
    assert await flow.stored(clickhouse) == [event_id(number) for number in range(60)]
    assert desk.metrics.get("headrace_sink_retries_total", code="rows-missing") == 1


async def test_an_unheard_answer_doubles_nothing(
    url: str, clickhouse: ClickHouse, events: list[bytes]
) -> None:
    silent = Silent(url)
    desk = Desk(silent)
    try:
        await desk.write(events)
    finally:
        await silent.close()
    assert await flow.stored(clickhouse) == [event_id(number) for number in range(60)]


@pytest.mark.parametrize(
    ("verdict", "failures"), [(RETRY, 12), (Verdict(5, "stop"), 5), (Verdict(1, "poison"), 1)]
)
async def test_as_many_tries_as_the_verdict_grants(
    url: str, clickhouse: ClickHouse, events: list[bytes], verdict: Verdict, failures: int
) -> None:
    stubborn = Stubborn(url, *[Failed("c", "m", verdict)] * failures)
    desk = Desk(stubborn)
    try:
        await desk.write(events)
    finally:
        await stubborn.close()
    assert len(await flow.stored(clickhouse)) == 60
    assert desk.buried == []


@pytest.mark.parametrize(("verdict", "failures"), [(STOP, 1), (Verdict(5, "stop"), 6)])
async def test_after_that_it_stops(
    url: str, clickhouse: ClickHouse, events: list[bytes], verdict: Verdict, failures: int
) -> None:
    stubborn = Stubborn(url, *[Failed("no-such-column", "m", verdict)] * failures)
    desk = Desk(stubborn)
    try:
        with pytest.raises(Stopped) as caught:
            await desk.write(events)
    finally:
        await stubborn.close()
    assert caught.value.code == "no-such-column"
    assert await flow.stored(clickhouse) == []


async def test_an_innocent_row_under_suspicion_is_stored(
    url: str, clickhouse: ClickHouse, events: list[bytes]
) -> None:
    stubborn = Stubborn(url, Failed("c", "(at row 7)", POISON, row=6))
    desk = Desk(stubborn)
    try:
        await desk.write(events)
    finally:
        await stubborn.close()
    assert len(await flow.stored(clickhouse)) == 60
    assert desk.buried == []


async def test_what_a_predecessor_stored_is_skipped(
    clickhouse: ClickHouse, events: list[bytes]
) -> None:
    await Desk(clickhouse).write(events[:40], offset=5)
    heir = Desk(clickhouse)
    await heir.write(events, offset=5)
    await heir.write(events, offset=6)
    assert await flow.stored(clickhouse) == [event_id(number) for number in range(60)]
    assert heir.metrics.get("headrace_sink_fenced_total", table="events") == 40
    assert heir.metrics.get("headrace_sink_duplicates_total", table="events", source="shop") == 60


async def test_what_was_stored_before_the_start_is_known_to_be_repeated(
    clickhouse: ClickHouse, events: list[bytes]
) -> None:
    await Desk(clickhouse).write(events, offset=5)
    heir = Desk(clickhouse)
    later = iso(NOVEMBER + 5_000)
    retries = [event(number, received_at=later) for number in range(30)]
    other = event(1, received_at=later, source="other")
    await heir.write([*retries, other, event(99)], offset=6)
    counted = ("headrace_sink_duplicates_total", "headrace_sink_rows_total")
    assert [heir.metrics.get(counted[0], table="events", source="shop")] == [30]
    assert [heir.metrics.get(counted[1], table="events")] == [2]
    assert len(await flow.stored(clickhouse)) == 62


async def test_an_event_that_was_processed_anew_replaces_its_row(
    clickhouse: ClickHouse, events: list[bytes]
) -> None:
    desk = Desk(clickhouse)
    await desk.write(events, offset=5)
    repaired = [
        line.replace(b'"event_type":"order"', b'"event_type":"order","os":"X"') for line in events
    ]
    await desk.write([events[0], *repaired[:20]], offset=6)
    await desk.write(repaired[:20], offset=7)
    await Desk(clickhouse).write(repaired[20:], offset=8)
    found = await flow.ask(clickhouse, "SELECT count(), uniqExact(event_id) FROM @events FINAL")
    assert [tuple(row) for row in found] == [(60, 60)]
    found = await flow.ask(clickhouse, "SELECT DISTINCT os FROM @events FINAL")
    assert [tuple(row) for row in found] == [("X",)]
    assert desk.metrics.get("headrace_sink_duplicates_total", table="events", source="shop") == 21


async def test_the_same_event_elsewhere_is_not_fenced(clickhouse: ClickHouse) -> None:
    """A topic that was created anew counts from 0 again: its events are others."""
    await Desk(clickhouse).write([event(1)], offset=5)
    await Desk(clickhouse).write([event(2)], offset=5)
    assert len(await flow.stored(clickhouse)) == 2


async def test_more_than_a_few_bad_rows_are_the_tables_fault(clickhouse: ClickHouse) -> None:
    """Spread so that neither share nor row trips; nothing of the batch may be committed."""
    lines = [poison(n) if n % 4 == 0 else event(n) for n in range(60)]
    desk = Desk(clickhouse, Breaker(in_an_insert=9))
    with pytest.raises(Stopped, match="10 rows of one insert were refused") as caught:
        await desk.write(lines)
    assert caught.value.code == "too-many-dead-letters"
    assert len(desk.buried) == 10
