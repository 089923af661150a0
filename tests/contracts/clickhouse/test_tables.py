# ruff: noqa: S608 - the names in these statements are made here
"""What the tiers lean on: replacing rows, adding columns, changing and deleting."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MakeTable = Callable[[str], str]


def test_final_shows_the_newest_of_each_key(client: Any, table: MakeTable) -> None:
    name = table(
        "(id UInt32, version UInt32, s String) ENGINE = ReplacingMergeTree(version) ORDER BY id"
    )
    for version in (2, 1, 3):
        rows = [[key, version, f"v{version}"] for key in range(100)]
        client.insert(name, rows, column_names=["id", "version", "s"])
    found = client.query(f"SELECT count(), any(s), uniqExact(s) FROM {name} FINAL").first_row
    assert found == (100, "v3", 1)
    assert client.query(f"SELECT count() FROM {name}", settings={"final": 1}).first_row == (100,)


def test_adding_a_column_twice_is_no_error(client: Any, table: MakeTable) -> None:
    name = table("(n UInt32) ENGINE = MergeTree ORDER BY n")
    client.insert(name, [[1]], column_names=["n"])
    for _ in range(2):
        client.command(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS s Nullable(String)")
    client.insert(name, [[2, "x"]], column_names=["n", "s"])
    assert client.query(f"SELECT s FROM {name} ORDER BY n").result_rows == [(None,), ("x",)]


def test_adding_the_same_column_at_once_is_no_error(
    connect: Callable[..., Any], table: MakeTable
) -> None:
    name = table("(n UInt32) ENGINE = MergeTree ORDER BY n")
    clients = [connect() for _ in range(4)]

    def add(client: Any) -> None:
        client.command(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS s Nullable(String)")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, clients))
    assert "s" in clients[0].query(f"SELECT * FROM {name} LIMIT 0").column_names


def test_columns_computed_from_json(client: Any, table: MakeTable) -> None:
    name = table("(n UInt32, p JSON(max_dynamic_paths=0)) ENGINE = MergeTree ORDER BY n")
    client.insert(name, [[1, {"price": 2.5}]], column_names=["n", "p"])
    client.command(
        f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS price Nullable(Float64) "
        "MATERIALIZED p.price::Nullable(Float64)"
    )
    client.insert(name, [[2, {"price": 3.5}]], column_names=["n", "p"])
    assert client.query(f"SELECT price FROM {name} ORDER BY n").result_columns[0] == [2.5, 3.5]


def test_updates_and_deletes(client: Any, table: MakeTable) -> None:
    name = table("(n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    client.insert(name, [[n, "x"] for n in range(10)], column_names=["n", "s"])
    client.command(f"DELETE FROM {name} WHERE n < 3")
    client.command(f"ALTER TABLE {name} UPDATE s = 'y' WHERE n = 5", settings={"mutations_sync": 1})
    assert client.query(f"SELECT count(), countIf(s = 'y') FROM {name}").first_row == (7, 1)
    client.command(f"OPTIMIZE TABLE {name} FINAL")
    assert client.command(f"SELECT count() FROM {name}") == 7


def test_a_view_with_parameters_and_a_dictionary(
    client: Any, table: MakeTable, database: str
) -> None:
    source = table("(id UInt64, s String) ENGINE = MergeTree ORDER BY id")
    client.insert(source, [[1, "one"]], column_names=["id", "s"])
    client.command(
        f"CREATE DICTIONARY {source}_d (id UInt64, s String) PRIMARY KEY id "
        f"SOURCE(CLICKHOUSE(TABLE '{source}' DB '{database}')) LAYOUT(HASHED()) LIFETIME(0)"
    )
    try:
        assert client.command(f"SELECT dictGet('{database}.{source}_d', 's', 1)") == "one"
    finally:
        client.command(f"DROP DICTIONARY {source}_d")
