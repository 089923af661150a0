"""Views over real rows: whatever a client calls things, its values come back as their types."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.catalog import Collection
from sinks import rows
from sinks.clickhouse import ClickHouse
from sinks.columns import column_type
from sinks.keeper import SETTINGS
from sinks.migrate import migrate
from sinks.naming import OWN_COLUMNS, column_name, quoted
from sinks.views import view_of
from tests.contracts.clickhouse.stand_in import StandIn
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, event, event_id

UTC = dt.UTC
TYPES = {float: "double", str: "string", bool: "boolean", int: "long"}
NAMED_TYPES = {
    "array<boolean>": "Array(Nullable(Bool))",
    "array<date>": "Array(Nullable(Date32))",
    "array<double>": "Array(Nullable(Float64))",
    "array<json>": "Array(Nullable(String))",
    "binary": "Nullable(String)",
    "boolean": "Nullable(Bool)",
    "date": "Nullable(Date32)",
    "decimal": "Nullable(Decimal(38, 10))",
    "double": "Nullable(Float64)",
    "integer": "Nullable(Int32)",
    "json": "Nullable(String)",
    "long": "Nullable(Int64)",
    "map<long>": "Map(String, Nullable(Int64))",
    "map<timestamp>": "Map(String, Nullable(DateTime64(3, 'UTC')))",
    "string": "Nullable(String)",
    "time": "Nullable(String)",
    "timestamp": "Nullable(DateTime64(3, 'UTC'))",
    "what<comes<next>>": "Nullable(String)",
}


async def show(
    clickhouse: ClickHouse, collection: Collection, *properties: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """Store events with these properties; return what the collection's view has of each."""
    home = clickhouse.database
    view = view_of(collection, home, f"{home}.events")
    lines = [
        event(number, event_type=collection.name, properties=each, user_id="u")
        for number, each in enumerate(properties)
    ]
    await clickhouse.insert("events", rows.body([rows.events(line, 0, 0) for line in lines]))
    await clickhouse.command(view.create(""))
    table = f"{quoted(home)}.{quoted(view.name)}"
    described = await clickhouse.query(f"DESCRIBE {table}")
    names = [str(row[0]) for row in described]
    found = await clickhouse.query(f"SELECT * FROM {table} ORDER BY _event_id")  # noqa: S608
    assert names[: len(OWN_COLUMNS)] == list(OWN_COLUMNS)
    assert names[len(OWN_COLUMNS) :] == [column_name(each) for each in collection.properties]
    return tuple(dict(zip(names, row, strict=True)) for row in found)


@pytest.fixture
def store(engine: StandIn) -> Iterator[str]:
    """Address of one database with all tables for all that is drawn."""
    url = flow.address(engine)

    async def with_client(work: Callable[[ClickHouse], Awaitable[object]]) -> None:
        client = ClickHouse(url)
        await work(client)
        await client.close()

    asyncio.run(with_client(lambda client: migrate(client, database=client.database)))
    yield url
    asyncio.run(with_client(lambda client: client.command(f"DROP DATABASE {client.database}")))


async def test_every_type_has_its_column(clickhouse: ClickHouse) -> None:
    view = view_of(
        Collection("shop", "order", {kind: kind for kind in NAMED_TYPES}),
        clickhouse.database,
        f"{clickhouse.database}.events",
    )
    await clickhouse.command(view.create(""))
    found = await clickhouse.query(f"DESCRIBE {clickhouse.database}.order")
    assert {row[0]: row[1] for row in found[len(OWN_COLUMNS) :]} == NAMED_TYPES
    assert {kind: column_type(kind) for kind in NAMED_TYPES} == NAMED_TYPES


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("string", [("x", "x"), ("", ""), (5, "5"), (1.5, "1.5"), (True, "true"), (None, None)]),
        ("string", [([1, "a"], '[1,"a"]'), ({"a": 1}, None)]),
        ("integer", [(5, 5), (5.7, 5), (1 << 31, None), ("5", None), ([5], None)]),
        ("long", [(1 << 62, 1 << 62), (-2.5, -2), (1 << 63, None), (1e30, None), (True, None)]),
        ("double", [(5, 5.0), (0.1, 0.1), ((1 << 64) - 1, float(1 << 64)), ("5", None)]),
        ("decimal", [(5, Decimal(5)), ("0.1", Decimal("0.1")), (1.25, Decimal("1.25"))]),
        ("boolean", [(True, True), (False, False), ("true", None), (1, None)]),
        (
            "timestamp",
            [
                ("2026-01-02T03:04:05.678Z", moment("2026-01-02T03:04:05.678")),
                ("2026-01-02 03:04:05+01:00", moment("2026-01-02T02:04:05")),
                (NOVEMBER, moment("2026-11-20T18:00:00")),
                (float(NOVEMBER), moment("2026-11-20T18:00:00")),
                ("2026-01-02", moment("2026-01-02T00:00:00")),
                ("no time", None),
                (1 << 62, None),
                (None, None),
            ],
        ),
        ("date", [("2026-01-02", dt.date(2026, 1, 2)), ("2026-1-2", dt.date(2026, 1, 2))]),
        ("date", [("1900-01-01", dt.date(1900, 1, 1)), ("x", None), (5, None)]),
        ("time", [("12:30", "12:30"), (5, None)]),
        ("binary", [("aGk=", "aGk="), (None, None)]),
        ("array<double>", [([1, 2.5, None], [1.0, 2.5, None]), ([], []), (None, []), (5, [])]),
        ("array<long>", [([1, "x"], [1, None])]),
        ("array<string>", [(["a", 1, {"b": 1}], ["a", "1", '{"b":1}'])]),
        ("array<json>", [([{"a": 1}, {"b": [2]}], ['{"a":1}', '{"b":[2]}'])]),
        ("array<date>", [(["2026-01-02", "x"], [dt.date(2026, 1, 2), None])]),
        ("map<double>", [({"a": 1, "b": 2.5}, {"a": 1.0, "b": 2.5}), ({}, {}), (5, {})]),
        ("map<string>", [({"a": "x", "b": {"c": 1}}, {"a": "x", "b": '{"c":1}'})]),
        ("map<date>", [({"a": "2026-01-02"}, {"a": dt.date(2026, 1, 2)})]),
        (
            "json",
            [
                ({"b": {"c": [1, {"d": None}]}, "a": 1}, '{"a":1,"b":{"c":[1,{}]}}'),
                ([{"a": 1}], '[{"a":1}]'),
                ("x", '"x"'),
                (5, "5"),
                (None, None),
                ({}, None),
            ],
        ),
    ],
)
@pytest.mark.parametrize("name", ["p", "p^`q"], ids=["path", "dug out"])
async def test_values(
    clickhouse: ClickHouse, kind: str, cells: list[tuple[Any, Any]], name: str
) -> None:
    given_ = [{name: value} for value, _ in cells]
    found = await show(clickhouse, Collection("shop", "order", {name: kind}), *given_)
    assert [row[name] for row in found] == [expected for _, expected in cells]


async def test_every_view_says_who_and_when(clickhouse: ClickHouse) -> None:
    (row,) = await show(clickhouse, Collection("shop", "order"), {})
    now = moment("2026-11-20T18:00:00")
    assert row.pop("_event_id").hex == event_id(0).replace("-", "")
    assert row == {
        "_time": now,
        "_received_at": now,
        "_user": "u",
        "_profile": "profile-0",
        "_session": "session-0",
    }


ODD = [".", "^", "`", ":", "'", "\\", "\0", "\n", "{", "_", "a", "B", "é", "😀", '"', ":`Int64`"]
NAME = (
    st.text(st.characters(codec="utf-8"), max_size=256)
    | st.lists(st.sampled_from(ODD), max_size=5).map("".join)
    | st.sampled_from([*OWN_COLUMNS, "properties", "e", "e_", "x", "source_id", "event_type"])
)
VALUE = st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.floats(-1e9, 1e9) | st.text("a`'\\é")


def reachable(name: str) -> bool:
    """Tell whether a name is no part of ClickHouse's own syntax inside of an object."""
    return "." not in name or ("^`" not in name and ":`" not in name)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(name=NAME, values=st.dictionaries(NAME.filter(reachable), VALUE, max_size=20))
def test_any_name(store: str, name: str, values: dict[str, Any]) -> None:
    types = {each: TYPES[type(value)] for each, value in values.items()}

    async def shown() -> tuple[dict[str, Any], ...]:
        client = ClickHouse(store)
        try:
            return await show(client, Collection("shop", f"c{name}", types), values)
        finally:
            await client.close()

    (row,) = asyncio.run(shown())
    assert {each: row[column_name(each)] for each in values} == values


async def test_as_many_and_as_long_as_a_collection_can_have(clickhouse: ClickHouse) -> None:
    names = [f"{number:04}{'é' * 252}" for number in range(2_000)]
    collection = Collection("shop", "x" * 256, dict.fromkeys(names, "timestamp"))
    home = clickhouse.database
    view = view_of(collection, home, f"{home}.events")
    await clickhouse.command(view.create(""), settings=SETTINGS)
    found = await clickhouse.query(f"SELECT `{names[-1]}` FROM {home}.{quoted(view.name)}")  # noqa: S608
    assert list(found) == []
