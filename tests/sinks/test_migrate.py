import re

import pytest

from schemas.events import DERIVED, DETAILS
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate, statements, steps
from sinks.verdict import Failed, Stopped
from tests.sinks import flow

ALWAYS = {
    "event_id",
    "event_time",
    "received_at",
    "source_id",
    "protocol",
    "kind",
    "event_type",
    "message_id",
    "profile_id",
    "session_id",
    "user_id",
    "anonymous_id",
    "group_id",
    "properties",
    "context",
    "valid",
}
SOMETIMES = {"sent_at", "original_time", "errors", "tags", "invalid_values"}
OURS = {"stored_at", "kafka_partition", "kafka_offset"}


async def columns(clickhouse: ClickHouse, table: str) -> dict[str, str]:
    rows = await clickhouse.query(
        "SELECT name, type FROM system.columns"
        " WHERE database = {database:String} AND table = {table:String}",
        {"database": clickhouse.database, "table": table},
    )
    return {row[0]: row[1] for row in rows}


async def test_the_columns_are_what_the_events_carry(clickhouse: ClickHouse) -> None:
    found = await columns(clickhouse, "events")
    assert set(found) == ALWAYS | SOMETIMES | DETAILS | DERIVED | OURS
    assert {found[name] for name in DETAILS} == {"String", "LowCardinality(String)"}
    times = {name: kind for name, kind in found.items() if name.endswith("_at")}
    assert times == {
        "received_at": "DateTime64(3, 'UTC')",
        "stored_at": "DateTime64(3, 'UTC')",
        "sent_at": "Nullable(DateTime64(3, 'UTC'))",
    }


async def test_the_sorting_key_has_nothing_that_a_retry_changes(clickhouse: ClickHouse) -> None:
    rows = await clickhouse.query(
        "SELECT name, sorting_key, engine_full LIKE 'ReplacingMergeTree(stored_at)%'"
        " FROM system.tables WHERE database = {database:String}"
        " AND name IN ('events', 'dead_letters') ORDER BY name",
        {"database": clickhouse.database},
    )
    assert rows == [
        ("dead_letters", "source_id, letter_id", 1),
        ("events", "source_id, event_type, event_id", 1),
    ]


async def test_steps_are_recorded_and_not_run_again(url: str) -> None:
    client = ClickHouse(url)
    try:
        applied = await migrate(client, database=client.database)
        assert applied == [name for name in steps() if name != "000_migrations"]
        assert await migrate(client, database=client.database) == []
        recorded = await flow.ask(client, "SELECT name FROM @migrations FINAL ORDER BY name")
        assert [row[0] for row in recorded] == applied
    finally:
        await client.command(f"DROP DATABASE IF EXISTS {client.database}")
        await client.close()


async def test_a_step_that_was_not_recorded_runs_again_without_harm(
    clickhouse: ClickHouse,
) -> None:
    await clickhouse.command(f"TRUNCATE TABLE {clickhouse.database}.migrations")
    assert len(await migrate(clickhouse, database=clickhouse.database)) == len(steps()) - 1


async def test_a_step_edited_afterwards_is_refused(clickhouse: ClickHouse) -> None:
    await clickhouse.command(
        f"INSERT INTO {clickhouse.database}.migrations (name, checksum)"  # noqa: S608
        " VALUES ('001_events', 'other')"
    )
    with pytest.raises(Stopped, match="001_events was applied with other contents"):
        await migrate(clickhouse, database=clickhouse.database)


@pytest.mark.parametrize("step", steps())
def test_on_a_cluster_everything_is_replicated(step: str) -> None:
    for statement in statements(steps()[step], "headrace", "main"):
        assert " ON CLUSTER main" in statement
        engine = re.search(r"ENGINE = (\w+)", statement)
        assert engine is None or engine[1] == "Null" or engine[1].startswith("Replicated")


def test_a_comment_is_no_statement() -> None:
    step = "-- one;\nSELECT 1\n  -- two;\n, 2;\n\nSELECT 3;\n-- the end\n"
    assert list(statements(step, "headrace")) == ["SELECT 1\n, 2", "SELECT 3"]


@pytest.mark.parametrize("name", ["a b", "a;b", "a`b", "1a", "", "a" * 200])
def test_a_name_that_would_need_quoting_is_refused(name: str) -> None:
    with pytest.raises(Failed, match="must be letters"):
        list(statements("SELECT 1", name))
