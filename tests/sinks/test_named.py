"""Named queries against a real store: what they answer is what a model says, and nobody else's."""

import asyncio
import logging
import random
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import Malformed
from schemas.named import NAMED
from schemas.named_reading import read
from sinks import rows
from sinks.archive import Archive
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.named import statement
from tests.contracts.clickhouse.stand_in import StandIn
from tests.sinks import flow, named_model
from tests.sinks.lines import NOVEMBER, event

NOW = NOVEMBER
DAY = 86_400_000
FOREIGN = "never to be seen"
TYPES = ("view", "cart", "order", "it's \\ odd")
MERGES = {"p1": "p2", "p3": "p2", "p7": "p8"}
HOSTILE = (
    "' OR 1=1 --",
    "') UNION ALL SELECT country, 1, 1, 1 FROM events --",
    "'; DROP TABLE events; --",
    "view' SETTINGS readonly=0 --",
    "(SELECT name FROM system.tables)",
    "`) FROM system.users /*",
    "{source:String}",
    "$events",
    "\\') OR true OR has(['",
    "file('/etc/passwd')",
    "x\x00y",
    "url('http://127.0.0.1/', 'CSV', 'a String')",
    "merge('.*', '.*') INTO OUTFILE '/tmp/x'",
)


def written() -> list[dict[str, Any]]:
    """Events of 30 days over two months: ties in time, sessions of several, every kind of value."""
    chance = random.Random(5)  # noqa: S311 - test data
    found = []
    for number in range(400):
        profile = chance.randrange(10)
        day = chance.randrange(30)
        found.append(
            {
                "event_type": chance.choice(TYPES),
                "kind": chance.choice(("page", "page", "screen", "track")),
                "event_time": NOW - day * DAY - chance.randrange(6) * DAY // 24,
                "received_at": NOW,
                "profile_id": f"p{profile}" if profile else "",
                "session_id": f"s{profile}-{day // 2}" if number % 9 else "",
                "group_id": ("", "acme", "other")[profile % 3],
                "country": chance.choice(("", "CH", "VN")),
                "page_host": chance.choice(("a.example", "b.example")),
                "page_path": chance.choice(("/", "/shop", "/é")),
                "properties": {
                    "price": chance.choice((1, 2.5, "1", True, "x", None)),
                    "b": {"c": chance.choice(("y", 3))},
                },
            }
        )
    return found


ROWS = written()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def archive(engine: StandIn, loop: asyncio.Runner) -> Iterator[Archive]:
    """The rows, some first stored otherwise and then anew, beside another source's."""
    client = ClickHouse(flow.address(engine))

    async def store(numbers: range, **more: Any) -> None:
        lines = [
            rows.events(event(n, at=ROWS[n]["event_time"], **(_fields(ROWS[n]) | more)), 0, 0)
            for n in numbers
        ]
        for month in rows.by_month(lines).values():
            await client.insert("events", rows.body(month))

    async def fill() -> None:
        await migrate(client, database=client.database)
        lines = [
            codec.dumps({"profile_id": old, "merged_into": new, "version": 1}) + b"\n"
            for old, new in MERGES.items()
        ]
        await client.insert("profile_overrides", lines)
        await store(range(60), profile_id="nobody", properties={}, country=FOREIGN)
        await store(range(400))
        await store(range(100, 130))
        await store(range(400), source="other", country=FOREIGN, page_path=FOREIGN)

    loop.run(fill())
    yield Archive(client, client.database, None)
    loop.run(client.close())


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"event_time", "received_at"}}


def comparable(found: list[dict[str, Any]]) -> list[str]:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return sorted(value.items())
        return f"{float(value):.3f}" if isinstance(value, int | float) else value

    return sorted(repr({name: plain(value) for name, value in row.items()}) for row in found)


moments = st.integers(0, 32).map(lambda days: f"{days}d") | st.just("now")
wheres = st.lists(
    st.sampled_from(
        ["country=CH", "country!=VN", "price=1", 'price="1"', "price>1", "b.c~y", "page_path=/é"]
    ),
    max_size=2,
)
fields = st.lists(
    st.sampled_from(["country", "price", "b.c", "kind_", "event_type"]), max_size=2, unique=True
)
types = st.lists(st.sampled_from(TYPES), max_size=3, unique=True)
SPANS = st.sampled_from(["1h", "5h", "1d", "9d"])
STEPS = st.sampled_from(["minute", "hour", "day", "week", "month", "none"])
GIVEN: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "events": {"type": types, "step": STEPS, "group": fields},
    "funnel": {
        "steps": st.lists(st.sampled_from(TYPES), min_size=2, max_size=4, unique=True),
        "window": SPANS,
    },
    "retention": {
        "step": st.sampled_from(["day", "week", "month"]),
        "start": types,
        "returning": types,
        "periods": st.integers(0, 12),
    },
    "sessions": {"step": STEPS},
    "pages": {"type": types},
    "live": {"within": st.sampled_from(["1m", "2h", "3d"]), "group": fields},
}


@pytest.mark.parametrize("name", GIVEN)
@given(data=st.data())
@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_store_and_the_model_agree(
    archive: Archive, loop: asyncio.Runner, name: str, data: st.DataObject
) -> None:
    given_values = {key: data.draw(each) for key, each in GIVEN[name].items()}
    given_values["where"] = data.draw(wheres)
    if name != "live":
        given_values |= {"since": data.draw(moments.filter(lambda text: text not in {"0d", "now"}))}
    customer = data.draw(st.sampled_from(["", "acme", "none"]))
    query = read(name, given_values, NOW + 1)
    found = loop.run(archive.run("shop", query, customer))
    mine = [row for row in ROWS if customer in {"", row["group_id"]}]
    assert FOREIGN not in repr(found)
    assert comparable(found) == comparable(named_model.answer(mine, MERGES, query))


def test_a_merged_profile_counts_once_and_a_row_that_was_stored_again_too(
    archive: Archive, loop: asyncio.Runner
) -> None:
    query = read("events", {"step": "none", "since": "40d"}, NOW + 1)
    (found,) = loop.run(archive.run("shop", query))
    assert (found["events"], found["profiles"]) == (400, 9 - len(MERGES))


def test_a_funnel_of_nobody_has_all_its_steps(archive: Archive, loop: asyncio.Runner) -> None:
    query = read("funnel", {"steps": ["none", "order"]}, NOW + 1)
    found = loop.run(archive.run("shop", query))
    assert [(row["step"], row["profiles"], row["of_first"]) for row in found] == [
        (1, 0, 0),
        (2, 0, 0),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_values_wherever_they_stand(
    archive: Archive, loop: asyncio.Runner, text: str
) -> None:
    cases: dict[str, dict[str, Any]] = {
        "events": {"type": [text, "view"], "group": [text], "where": [_is(text, text)]},
        "funnel": {"steps": ["view", text], "where": [_is("country", text, "differs")]},
        "retention": {"start": [text], "returning": [text]},
        "sessions": {"where": [_is("price", text)]},
        "pages": {"type": [text]},
        "live": {"within": "9d", "group": [text]},
    }
    for name, values in cases.items():
        found = loop.run(archive.run("shop", read(name, values, NOW)))
        assert FOREIGN not in repr(found), name
    for source_id, customer in ((text, ""), ("shop", text)):
        assert loop.run(archive.run(source_id, read("pages", {}, NOW), customer)) == []
    everything = read("events", {"step": "none", "since": "40d"}, NOW + 1)
    (found_still,) = loop.run(archive.run("shop", everything))
    assert found_still["events"] == 400


def _is(field: str, value: str, operator: str = "equals") -> dict[str, Any]:
    return {"field": field, "operator": operator, "values": [value]}


@pytest.mark.parametrize("name", NAMED)
def test_no_text_of_a_client_is_in_the_sql(name: str) -> None:
    marked = "marked"
    values: dict[str, Any] = {"where": [_is(f"{marked}.x", marked), _is("country", marked)]}
    known = {each.name for each in NAMED[name].parameters}
    for listed in {"type", "group", "start", "returning"} & known:
        values[listed] = [f"{marked} {listed}"]
    if name == "funnel":
        values["steps"] = [f"{marked} 1", f"{marked} 2"]
    sql, parameters = statement("db", f"{marked} source", f"{marked} c", read(name, values, NOW))
    assert marked not in sql
    assert "$" not in sql
    assert set(re.findall(r"\{(\w+):", sql)) == set(parameters)
    assert sql.count("e.source_id = {") == 1


def test_every_named_query_has_its_file_and_no_other_is_there() -> None:
    found = {entry.name for entry in files("sinks").joinpath("queries").iterdir()}
    assert found == {f"{name}.sql" for name in NAMED}


async def test_views_count_as_the_queries_do(clickhouse: ClickHouse) -> None:
    lines = [
        rows.events(event(n, kind="page", page_path="/shop", profile_id=f"p{n % 4}"), 0, 0)
        for n in range(8)
    ]
    await clickhouse.insert("events", rows.body(lines))
    await clickhouse.insert("events", rows.body(lines))
    daily = await flow.ask(
        clickhouse, "SELECT event_type, events, profiles FROM @daily_events WHERE source_id='shop'"
    )
    pages = await flow.ask(clickhouse, "SELECT path, views, profiles, sessions FROM @daily_pages")
    live = await flow.ask(clickhouse, "SELECT source_id, events FROM @live_visitors")
    assert [tuple(row) for row in daily] == [("order", 8, 4)]
    assert [tuple(row) for row in pages] == [("/shop", 8, 4, 5)]
    assert all(row[0] == "shop" for row in live)


async def test_what_was_asked_is_in_no_log_and_no_error_when_the_store_says_no(
    clickhouse: ClickHouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sécret-9f3a"
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("sinks.named._SETTINGS", "SETTINGS no_such_setting = 1")
    query = read("events", {"where": [_is(secret, secret)]}, NOW)
    with pytest.raises(Exception, match=r".") as caught:
        await Archive(clickhouse, clickhouse.database).run(secret, query, secret)
    assert secret not in f"{caught.value!r} {caught.value}"
    assert secret not in caplog.text


@pytest.mark.parametrize("name", ["none", "events.sql", "../ddl/001_events", ""])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(name, {}, NOW)
    assert (caught.value.code, caught.value.status) == ("query-unknown", 404)
