"""The views follow the catalog, in real ClickHouse, whatever happens on the way."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from schemas.catalog import Catalog, Collection
from schemas.journal import Journal
from schemas.metrics import Metrics
from sinks import rows
from sinks.clickhouse import ClickHouse
from sinks.databases import Databases
from sinks.keeper import Keeper
from sinks.verdict import Failed
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, event

DAY = 86_400_000


class Feed:
    """A catalog that a test writes."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.touched = Journal()
        self._change = asyncio.Condition()

    async def put(self, *collections: Collection) -> None:
        async with self._change:
            for collection in collections:
                self.catalog.put(collection)
                self.touched.note((collection.source_id, collection.name))
            self._change.notify_all()

    async def collections_changed(self, seen: int) -> None:
        async with self._change:
            await self._change.wait_for(lambda: self.touched.revision > seen)


@pytest.fixture
async def source(clickhouse: ClickHouse) -> AsyncIterator[str]:
    """A source that no other test of this server has; its databases go with it."""
    name = f"s-{clickhouse.database.removeprefix('sink_')}"
    yield name
    found = await clickhouse.query(
        "SELECT name FROM system.databases WHERE comment LIKE {like:String}",
        {"like": f"headrace: %in {clickhouse.database}"},
    )
    for (database,) in found:

        async def dropped(database: str = database) -> bool:
            # A keeper that was stopped may have a view under way still.
            with contextlib.suppress(Failed):
                await clickhouse.command(f"DROP DATABASE IF EXISTS `{database}`")
                return True
            return False

        await flow.eventually(dropped, f"{database} is dropped")


@asynccontextmanager
async def running(url: str, feed: Feed, metrics: Metrics) -> AsyncIterator[None]:
    stop = asyncio.Event()
    client = ClickHouse(url)
    keeper = Keeper(client, client.database, None, feed)
    task = asyncio.create_task(keeper.run(stop, metrics, linger=0, check=0.1))
    try:
        yield
    finally:
        stop.set()
        await task


async def store(clickhouse: ClickHouse, *lines: bytes) -> None:
    await clickhouse.insert("events", rows.body([rows.events(line, 0, 0) for line in lines]))


async def shown(clickhouse: ClickHouse, sql: str, source: str = "") -> list[Any] | None:
    """Ask; ``@`` is the database of tables, ``$`` that of the source. None without such a view."""
    text = sql.replace("@", clickhouse.database).replace("$", f"`{source}`")
    try:
        return [tuple(row) for row in await clickhouse.query(text)]
    except Failed:
        return None


async def eventually(
    clickhouse: ClickHouse, sql: str, expected: list[Any], source: str = ""
) -> None:
    async def holds() -> bool:
        return await shown(clickhouse, sql, source) == expected

    await flow.eventually(holds, f"{sql} shows {expected}")


async def test_a_view_follows_its_collection(clickhouse: ClickHouse, url: str, source: str) -> None:
    feed, metrics = Feed(), Metrics()
    await store(
        clickhouse,
        event(1, source=source, user_id="u", properties={"name": "pen", "price": 2.5}),
        event(1, source=source, user_id="u", properties={"name": "pen", "price": 2.5}),
        event(2, source=source, event_type="other", properties={"name": "cap"}),
        event(3, source="elsewhere", properties={"name": "mug"}),
    )
    async with running(url, feed, metrics):
        await feed.put(Collection(source, "order", {"name": "string"}))
        await eventually(clickhouse, "SELECT name, _user FROM $.order", [("pen", "u")], source)
        await feed.put(Collection(source, "order", {"name": "string", "price": "double"}))
        await eventually(clickhouse, "SELECT name, price FROM $.`order`", [("pen", 2.5)], source)
    assert metrics.get("headrace_sink_views_total") == 2


async def test_the_list_shows_every_property(clickhouse: ClickHouse, url: str, source: str) -> None:
    feed = Feed()
    seen = {"price": (NOVEMBER, NOVEMBER + DAY)}
    types = {"_time": "timestamp", "price": "double"}
    async with running(url, feed, Metrics()):
        await feed.put(
            Collection(source, "order", types, 3, seen), Collection(source, "it's \\ `bare`")
        )
        await eventually(
            clickhouse,
            "SELECT collection, property, type, column, position, version, database, view,"
            " toUnixTimestamp64Milli(first_seen), toUnixTimestamp64Milli(last_seen)"
            " FROM @.collections ORDER BY collection, position",
            [
                ("it's \\ `bare`", "", "", "", 0, 0, source, "it's \\ `bare`", None, None),
                ("order", "_time", "timestamp", "_time_", 1, 3, source, "order", None, None),
                ("order", "price", "double", "price", 2, 3, source, "order", *seen["price"]),
            ],
        )


async def test_what_is_there_is_not_made_again(
    clickhouse: ClickHouse, url: str, source: str
) -> None:
    feed, first, second = Feed(), Metrics(), Metrics()
    odd = Collection(source, "a\x00b\n'`\\ü", {"": "double", "^`": "json"})
    collections = [odd, *(Collection(source, f"c{n}", {"a": "long"}) for n in range(120))]
    await feed.put(*collections)
    async with running(url, feed, first):

        async def made() -> bool:
            return first.get("headrace_sink_views_total") == len(collections)

        await flow.eventually(made, "every view is made")
    client = ClickHouse(url)
    await Keeper(client, client.database, None, feed).follow(second)
    await client.close()
    assert second.text().strip() == ""
    updated = "SELECT count() FROM @.collection_states"
    assert await shown(clickhouse, updated) == [(len(collections),)]


async def test_several_sinks_end_at_the_last_state(
    clickhouse: ClickHouse, url: str, source: str
) -> None:
    feeds = [Feed() for _ in range(3)]
    metrics = [Metrics() for _ in feeds]
    types: dict[str, str] = {}
    async with (
        running(url, feeds[0], metrics[0]),
        running(url, feeds[1], metrics[1]),
        running(url, feeds[2], metrics[2]),
    ):
        for number in range(10):
            types[f"p{number}"] = "double"
            for feed in feeds:
                await feed.put(Collection(source, "order", dict(types)))
                await asyncio.sleep(0)
        await eventually(clickhouse, "SELECT count(p9) FROM $.order", [(0,)], source)
        await eventually(
            clickhouse,
            "SELECT max(position) FROM @.collections",
            [(len(types),)],
        )


async def test_a_name_that_is_taken_is_left_alone(clickhouse: ClickHouse, source: str) -> None:
    await clickhouse.command(f"CREATE DATABASE `{source}` COMMENT 'of somebody else'")
    try:
        databases = Databases(clickhouse, clickhouse.database, "")
        assert await databases.of(source) == f"s_{source}"
        assert await databases.of(f"s_{source}") == f"s_s_{source}"
        assert await databases.of("system") == "s_system"
        assert await databases.of("default") == "s_default"
        assert await databases.of(clickhouse.database) == f"s_{clickhouse.database}"
        again = Databases(clickhouse, clickhouse.database, "")
        assert await again.of(f"s_{source}") == f"s_s_{source}"
    finally:
        await clickhouse.command(f"DROP DATABASE `{source}`")


async def test_a_dropped_database_comes_back(clickhouse: ClickHouse, url: str, source: str) -> None:
    feed = Feed()
    async with running(url, feed, Metrics()):
        await feed.put(Collection(source, "order", {"a": "long"}))
        await eventually(clickhouse, "SELECT count(a) FROM $.order", [(0,)], source)
        await clickhouse.command(f"DROP DATABASE `{source}`")
        await feed.put(Collection(source, "order", {"a": "long", "b": "long"}))
        await eventually(clickhouse, "SELECT count(b) FROM $.order", [(0,)], source)


async def test_a_table_in_the_place_of_a_view_is_left_alone(
    clickhouse: ClickHouse, url: str, source: str
) -> None:
    feed, metrics = Feed(), Metrics()
    database = await Databases(clickhouse, clickhouse.database, "").of(source)
    await clickhouse.command(f"CREATE TABLE `{database}`.busy (a Int8) ENGINE = Memory")
    async with running(url, feed, metrics):
        await feed.put(
            Collection(source, "busy", {"b": "long"}), Collection(source, "order", {"a": "long"})
        )
        await eventually(clickhouse, "SELECT count(a) FROM $.order", [(0,)], source)
    assert await shown(clickhouse, "SELECT a FROM $.busy", source) == []
    assert metrics.get("headrace_sink_view_failures_total", code="name-taken") >= 1


async def test_a_store_that_is_away_is_asked_again() -> None:
    stop, metrics, feed = asyncio.Event(), Metrics(), Feed()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = ClickHouse(f"http://127.0.0.1:{taken.getsockname()[1]}/d")
        keeper = Keeper(client, "d", None, feed)
        task = asyncio.create_task(keeper.run(stop, metrics, linger=0))
        await feed.put(Collection("shop", "order"))

        async def twice() -> bool:
            return metrics.get("headrace_sink_view_failures_total", code="no-answer") > 1

        await flow.eventually(twice, "it was asked twice")
        stop.set()
        await task
