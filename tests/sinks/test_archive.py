"""The archive against a real store: what it answers is what a model says, and nobody else's."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.query import Column, Computation, Field, Filter, Group, Order, Property, Query
from sinks import archive as archive_module
from sinks import rows
from sinks.archive import Archive
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.verdict import POISON, STOP, Failed
from tests.contracts.clickhouse.stand_in import StandIn
from tests.sinks import asked, flow
from tests.sinks.lines import NOVEMBER, event
from tests.sinks.questions import CUSTOMERS, FOREIGN, ODD, ROWS, line, queries


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def archive(engine: StandIn, loop: asyncio.Runner) -> Iterator[Archive]:
    """An archive of the rows, some stored twice, beside rows of another source."""
    client = ClickHouse(flow.address(engine))

    async def fill() -> None:
        await migrate(client, database=client.database)
        mine = [rows.events(line(row), 0, 0) for row in ROWS]
        theirs = [rows.events(line(row, source="other", event_type=FOREIGN), 0, 0) for row in ROWS]
        for part in (*rows.by_month([*mine, *theirs]).values(), mine[:7], mine[3:5]):
            for month in rows.by_month(part).values():
                await client.insert("events", rows.body(month))

    loop.run(fill())
    yield Archive(client, client.database, None)
    loop.run(client.close())


def comparable(found: list[dict[str, Any]]) -> list[str]:
    """Rows as sorted texts; sums to twelve digits, for the order of a sum is nobody's promise."""

    def plain(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {inner: plain(inner, value[inner]) for inner in sorted(value)}
        if isinstance(value, list):
            return [plain("", each) for each in value]
        if value is not None and name.startswith(("sum", "average", "quantile")):
            return f"{float(value):.12g}"
        return asked.whole(value)

    return sorted(repr(plain("", row)) for row in found)


@given(queries(), st.sampled_from(CUSTOMERS))
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_store_and_the_model_agree(
    archive: Archive, loop: asyncio.Runner, query: Query, customer: str
) -> None:
    theirs = [row for row in ROWS if customer in {"", row["group_id"]}]
    found = loop.run(archive.select("shop", query, customer))
    expected = asked.answer(theirs, query)
    assert FOREIGN not in repr(found)
    assert comparable(found) == comparable(expected)


@pytest.mark.parametrize("name", [*ODD, "none"])
def test_a_property_of_any_name_is_found(archive: Archive, loop: asyncio.Runner, name: str) -> None:
    query = Query(groups=(Group("it", Property(name)),), computations=(Computation("n", "count"),))
    found = loop.run(archive.select("shop", query))
    assert comparable(found) == comparable(asked.answer(ROWS, query))
    assert len(found) > 1 or name == "none"


names = st.text(min_size=1, max_size=12) | st.text(
    "`\\'\".^:[]{}%$a \t\n\0", min_size=1, max_size=6
)


@given(names.filter(lambda name: "^`" not in name and ":`" not in name), st.text())
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_name_and_no_value_breaks_a_query(
    archive: Archive, loop: asyncio.Runner, name: str, value: str
) -> None:
    """Names that nobody uses, so nothing is found, whatever they mean to SQL."""
    unused = Property(f"{name}~")
    query = Query(
        groups=(Group("it", unused),),
        computations=(Computation("n", "sum", unused),),
        filters=(Filter(unused, "in", (value, 5)), Filter(unused, "contains", (value,))),
    )
    assert loop.run(archive.select("shop", query, value)) == []
    present = Query(computations=(Computation("n", "count", unused),))
    assert loop.run(archive.select("shop", present)) == [{"n": 0}]


@pytest.mark.parametrize(
    ("name", "value"),
    [("event_time", ROWS[5]["event_time"]), ("received_at", NOVEMBER)],
)
def test_times_are_compared_and_computed_as_unix_ms(
    archive: Archive, loop: asyncio.Runner, name: Column, value: int
) -> None:
    field: Field = name
    query = Query(
        filters=(Filter(field, "from", (value,)),),
        computations=(Computation("n", "count", field), Computation("least", "least", field)),
    )
    (row,) = loop.run(archive.select("shop", query))
    at = [each[name] for each in ROWS if each[name] >= value]
    assert row == {"n": len(at), "least": min(at)}


def test_an_answer_is_sorted_and_cut(archive: Archive, loop: asyncio.Runner) -> None:
    by_value = Query(groups=(Group("a", Property("a")),), orders=(Order("a"),))
    found = [row["a"] for row in loop.run(archive.select("shop", by_value))]
    numbers = [each for each in found if type(each) is int or type(each) is float]
    rest = found[len(numbers) :]
    texts = [str(each).lower() if type(each) is bool else each for each in rest if each is not None]
    assert numbers == sorted(numbers) == found[: len(numbers)]
    assert texts == sorted(texts, key=str.encode)
    assert rest[-1] is None
    counted = Query(
        groups=(Group("type", "event_type"),),
        step="month",
        computations=(Computation("n", "count"),),
        orders=(Order("n", descending=True), Order("nothing")),
        limit=3,
    )
    figures = [row["n"] for row in loop.run(archive.select("shop", counted))]
    assert len(figures) == 3
    assert figures == sorted(figures, reverse=True)


def test_events_come_newest_first(archive: Archive, loop: asyncio.Runner) -> None:
    found = loop.run(archive.select("shop", Query(limit=5)))
    newest = sorted(ROWS, key=lambda row: -row["event_time"])[:5]
    assert [row["event_id"] for row in found] == [row["event_id"] for row in newest]
    oldest = Query(limit=1, orders=(Order("event_time"),))
    (row,) = loop.run(archive.select("shop", oldest))
    assert row["event_time"] == min(row["event_time"] for row in ROWS)


def test_what_was_seen_of_properties(archive: Archive, loop: asyncio.Runner) -> None:
    seen = loop.run(archive.properties("shop"))
    assert set(seen) == {row["event_type"] for row in ROWS}
    assert seen["order"] == {
        name: seen["order"][name]
        for name in {
            name for row in ROWS if row["event_type"] == "order" for name in row["properties"]
        }
        - {"list"}
    } | ({"list": "array<string>"} if "list" in seen["order"] else {})
    assert seen["view"]["a"] == "string", "numbers, texts and truth values: only a text holds all"
    assert loop.run(archive.properties("nobody")) == {}


async def test_types_of_one_kind_keep_it(clickhouse: ClickHouse) -> None:
    properties = {"n": 1.5, "t": "x", "b": True, "l": [1, 2], "o": {"x": 1, "y": {"z": 2}}}
    await clickhouse.insert(
        "events", rows.body([rows.events(event(1, properties=properties), 0, 0)])
    )
    assert await Archive(clickhouse, clickhouse.database).properties("shop") == {
        "order": {
            "n": "double",
            "t": "string",
            "b": "boolean",
            "l": "array<double>",
            "o": "map<double>",
        }
    }


async def test_erasing_takes_one_customer_of_one_source(clickhouse: ClickHouse) -> None:
    lines = [
        event(number, group_id=group, source=source)
        for number, (group, source) in enumerate(
            [("c1", "shop"), ("c1", "shop"), ("c2", "shop"), ("", "shop"), ("c1", "other")]
        )
    ]
    for twice in range(2):
        await clickhouse.insert(
            "events", rows.body([rows.events(each, 0, twice) for each in lines])
        )
    archive = Archive(clickhouse, clickhouse.database)
    assert await archive.erase("shop", "c1") == 2
    left = await flow.ask(clickhouse, "SELECT source_id, group_id FROM @events FINAL ORDER BY ALL")
    assert left == [("other", "c1"), ("shop", ""), ("shop", "c2")]
    assert await archive.erase("shop", "c1") == 0, "again is fine"


async def test_nobody_there_is_unavailable_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        archive = Archive(ClickHouse(f"http://127.0.0.1:{taken.getsockname()[1]}/d"), "d")
        for ask in (
            archive.select("shop", Query()),
            archive.erase("shop", "c"),
            archive.properties("shop"),
        ):
            with pytest.raises(Unavailable) as caught:
                await ask
            assert caught.value.code == "store-unavailable"
        await archive.close()


async def test_a_store_that_is_silent_is_unavailable(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(clickhouse, clickhouse.database)
    await archive.select("shop", Query())
    monkeypatch.setattr(archive_module, "ASK_SECONDS", 0)
    with pytest.raises(Unavailable, match="in time"):
        await archive.select("shop", Query())


async def test_a_query_that_reads_too_much_is_refused(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [rows.events(event(number), 0, 0) for number in range(20)]
    await clickhouse.insert("events", rows.body(lines))
    bounds = dict(archive_module._ASKING) | {"max_rows_to_read": 10}
    monkeypatch.setattr(archive_module, "_ASKING", bounds)
    with pytest.raises(Malformed, match="shorter period") as caught:
        await Archive(clickhouse, clickhouse.database).select("shop", Query())
    assert (caught.value.code, caught.value.status) == ("query-too-expensive", 400)


async def test_a_store_without_tables_is_unavailable(url: str) -> None:
    client = ClickHouse(url)
    with pytest.raises(Unavailable):
        await Archive(client, client.database).select("shop", Query())
    await client.close()


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Failed("no-answer", "nobody there"), "store-unavailable"),
        (Failed("unknown-table", "none", STOP), "store-unavailable"),
        (Failed("authentication-failed", "none", STOP), "store-unavailable"),
        (Failed("memory-limit-exceeded", "(total) memory limit exceeded"), "store-unavailable"),
        (Failed("memory-limit-exceeded", "Query memory limit exceeded"), "query-too-expensive"),
        (Failed("timeout-exceeded", "11 s"), "query-too-expensive"),
        (Failed("illegal-column", "m", STOP), "query-refused"),
        (Failed("illegal-type-of-argument", "m", POISON), "query-refused"),
    ],
)
async def test_a_no_of_the_store_is_the_stores_or_the_querys_fault(
    failure: Failed, code: str
) -> None:
    class Refusing(ClickHouse):
        async def query(self, *_: Any) -> Any:
            raise failure

    archive = Archive(Refusing("http://127.0.0.1:1/d"), "d")
    with pytest.raises(HeadraceError) as caught:
        await archive.select("shop", Query())
    assert caught.value.code == code
    assert isinstance(caught.value, Unavailable) is (code == "store-unavailable")
