"""A hot property gets a column without a rewrite, and its view reads it."""

import asyncio
from typing import Any

import pytest

from schemas.catalog import Catalog, Collection
from schemas.errors import Malformed
from schemas.journal import Journal
from schemas.metrics import Metrics
from sinks import promotions, rows
from sinks.clickhouse import ClickHouse
from sinks.keeper import Keeper
from sinks.promotions import Promotions
from tests.sinks import flow
from tests.sinks.lines import event


class Feed:
    """One collection that never changes."""

    def __init__(self, collection: Collection) -> None:
        self.catalog, self.touched = Catalog(), Journal()
        self.catalog.put(collection)
        self.touched.note((collection.source_id, collection.name))

    async def collections_changed(self, seen: int) -> None:
        if self.touched.revision <= seen:
            await asyncio.Event().wait()


async def store(clickhouse: ClickHouse, *lines: bytes) -> None:
    await clickhouse.insert("events", rows.body([rows.events(line, 0, 0) for line in lines]))


NAMES = {"price": "double", "it's `odd\\\n": "string", "a^`": "timestamp", "o": "json"}


@pytest.mark.parametrize("name", NAMES)
async def test_a_promoted_property(clickhouse: ClickHouse, name: str) -> None:
    home = clickhouse.database
    source = home.removeprefix("sink_")
    value = {"price": 2.5, "it's `odd\\\n": "x'`", "a^`": 5, "o": {"a": [1]}}

    async def found() -> list[Any]:
        sql = f"SELECT * EXCEPT (_event_id) FROM `{source}`.order ORDER BY _event_id"  # noqa: S608
        return list(await clickhouse.query(sql))

    async def definition() -> str:
        ((text,),) = await clickhouse.query(
            "SELECT create_table_query FROM system.tables WHERE name = 'order'"
            " AND database = {source:String}",
            {"source": source},
        )
        return str(text)

    keeper = Keeper(clickhouse, home, None, Feed(Collection(source, "order", NAMES)))
    hot = Promotions(clickhouse, home)
    try:
        await store(clickhouse, event(1, source=source, properties=value))
        await keeper.follow(Metrics())
        (before,) = await found()
        column = await hot.promote(source, "order", name)
        await keeper.follow(Metrics())
        assert column in await definition()
        await store(clickhouse, event(2, source=source, properties=value))
        assert await found() == [before, (*before[:2], "profile-2", "session-2", *before[4:])]
        assert await hot.promote(source, "order", name) == column
        assert await hot.all() == {(name, NAMES[name]): column}
    finally:
        await clickhouse.command(f"DROP DATABASE IF EXISTS `{source}`")


async def test_what_is_not_there_is_not_promoted(clickhouse: ClickHouse) -> None:
    with pytest.raises(Malformed) as refused:
        await Promotions(clickhouse, clickhouse.database).promote("shop", "order", "price")
    assert refused.value.code == "property-unknown"


async def test_there_are_not_many(clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotions, "MOST", 1)
    home = clickhouse.database
    source = home.removeprefix("sink_")
    feed = Feed(Collection(source, "order", {"a": "long", "b": "long"}))
    try:
        await Keeper(clickhouse, home, None, feed).follow(Metrics())
        hot = Promotions(clickhouse, home)
        await hot.promote(source, "order", "a")
        with pytest.raises(Malformed) as refused:
            await hot.promote(source, "order", "b")
        assert refused.value.code == "too-many-promoted"
        found = await flow.ask(clickhouse, "SELECT count() FROM @collections")
        assert [tuple(row) for row in found] == [(2,)]
    finally:
        await clickhouse.command(f"DROP DATABASE IF EXISTS `{source}`")
