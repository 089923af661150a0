# ruff: noqa: S608 - the names in these statements are made here
"""Questions and their answers: parameters, settings, formats, large results."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.contracts.clickhouse.curl import Curl

MakeTable = Callable[[str], str]

AWKWARD = [
    "",
    "it's",
    'say "x"',
    "back\\slash",
    "tab\tnew\nline",
    "{x:String}",
    "ünïcödé 🦔",
    "`; --",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_a_parameter_bound_by_the_server(client: Any, text: str) -> None:
    found = client.query(
        "SELECT {s:String}, {n:Int64}, {a:Array(String)}",
        parameters={"s": text, "n": -3, "a": [text, "x"]},
    )
    assert found.first_row == (text, -3, [text, "x"])


@pytest.mark.parametrize("text", AWKWARD)
def test_a_parameter_bound_by_the_client(client: Any, text: str) -> None:
    assert client.query("SELECT %(s)s", parameters={"s": text}).first_row == (text,)


def test_an_identifier_as_a_parameter(client: Any, table: MakeTable) -> None:
    name = table("(n UInt32) ENGINE = Memory")
    client.command("INSERT INTO {t:Identifier} SELECT 5", parameters={"t": name})
    found = client.query("SELECT n FROM {t:Identifier}", parameters={"t": name})
    assert found.first_row == (5,)


def test_a_parameter_in_an_insert_with_data(curl: Curl, client: Any, table: MakeTable) -> None:
    name = table("(n UInt32) ENGINE = Memory")
    assert (
        curl.post("5\n", query="INSERT INTO {t:Identifier} FORMAT TSV", param_t=name).status == 200
    )
    assert client.command(f"SELECT n FROM {name}") == 5


def test_a_missing_parameter_is_named(curl: Curl) -> None:
    reply = curl.post("SELECT {x:UInt8}")
    assert reply.code == 456
    assert "`x`" in reply.text


def test_a_long_statement_may_come_as_a_form(connect: Callable[..., Any]) -> None:
    client = connect(form_encode_query_params=True)
    assert client.query("SELECT {s:String}", parameters={"s": "it's"}).first_row == ("it's",)


def test_settings_hold_for_one_statement_only(client: Any) -> None:
    before = client.query("SELECT getSetting('max_block_size')").first_row
    during = client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 77})
    assert during.first_row == (77,)
    assert client.query("SELECT getSetting('max_block_size')").first_row == before


def test_settings_of_a_client_hold_for_all_its_statements(connect: Callable[..., Any]) -> None:
    client = connect(settings={"max_block_size": 78})
    assert client.query("SELECT getSetting('max_block_size')").first_row == (78,)
    during = client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 77})
    assert during.first_row == (77,)
    assert client.query("SELECT getSetting('max_block_size')").first_row == (78,)


def test_settings_apply_to_an_insert(client: Any, table: MakeTable) -> None:
    name = table("(n UInt32) ENGINE = Memory")

    def insert(*, skip: int) -> None:
        settings = {"input_format_skip_unknown_fields": skip}
        line = b'{"n": 1, "unknown": 2}'
        client.raw_insert(name, insert_block=line, fmt="JSONEachRow", settings=settings)

    with pytest.raises(DatabaseError) as caught:
        insert(skip=0)
    assert caught.value.code == 117
    insert(skip=1)
    assert client.command(f"SELECT count() FROM {name}") == 1


def test_no_rows_still_have_columns(client: Any) -> None:
    found = client.query("SELECT number AS n, toString(number) AS s FROM numbers(5) LIMIT 0")
    assert found.column_names == ("n", "s")
    assert [type_.name for type_ in found.column_types] == ["UInt64", "String"]
    assert client.query("SELECT 1 AS n WHERE 0").result_rows == []


def test_a_command_returns_its_value(client: Any) -> None:
    assert client.command("SELECT 42") == 42
    assert client.command("SELECT 'a', 'b'") == ["a", "b"]
    assert client.command("SELECT 'x' WHERE 0") == ""


def test_raw_queries_answer_in_any_format(client: Any) -> None:
    found = json.loads(client.raw_query("SELECT 1 AS a, 'x' AS b", fmt="JSON"))
    assert found["data"] == [{"a": 1, "b": "x"}]
    assert client.raw_query("SELECT 1, 'x'", fmt="CSV") == b'1,"x"\n'


def test_a_large_result_arrives_in_blocks(client: Any) -> None:
    blocks = rows = 0
    with client.query_row_block_stream(
        "SELECT number, toString(number) FROM numbers(1000000)"
    ) as stream:
        for block in stream:
            blocks += 1
            rows += len(block)
    assert (rows, blocks > 5) == (1_000_000, True)


def test_a_stream_that_is_left_early_frees_the_session(client: Any) -> None:
    with client.query_rows_stream("SELECT number FROM numbers(3000000)") as stream:
        assert next(iter(stream)) == (0,)
    assert client.command("SELECT 1") == 1


def test_an_error_after_the_first_block_reaches_the_reader(connect: Callable[..., Any]) -> None:
    client = connect(compress=False)
    statement = "SELECT throwIf(number = 900000, 'too late') FROM numbers(1000000)"
    with (
        pytest.raises(Exception, match="too late"),
        client.query_row_block_stream(statement, settings={"max_threads": 1}) as stream,
    ):
        for _ in stream:
            pass


def test_statements_run_side_by_side(connect: Callable[..., Any], table: MakeTable) -> None:
    name = table("(n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    together = threading.Barrier(6)

    def work(worker: int) -> int:
        client = connect()
        together.wait(timeout=20)
        for step in range(5):
            client.insert(name, [[worker, str(step)]] * 10, column_names=["n", "s"])
        return int(client.command(f"SELECT count() FROM {name} WHERE n = {worker}"))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [50] * 6
    assert connect().command(f"SELECT count() FROM {name}") == 300


async def test_the_async_client_does_it_all(async_client: Any, table: MakeTable) -> None:
    name = table("(n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    columns = [list(range(50_000)), ["x"] * 50_000]
    done = await async_client.insert(name, columns, column_names=["n", "s"], column_oriented=True)
    assert done.written_rows == 50_000
    line = b'{"n": 7, "s": "raw"}'
    raw = await async_client.raw_insert(name, insert_block=line, fmt="JSONEachRow")
    assert raw.written_rows == 1
    statement = f"SELECT count() FROM {name} WHERE n = {{n:UInt32}}"
    assert (await async_client.query(statement, parameters={"n": 7})).first_row == (2,)
    rows = 0
    async with await async_client.query_rows_stream(f"SELECT * FROM {name}") as stream:
        async for _ in stream:
            rows += 1
    assert rows == 50_001
    pytest.importorskip("pyarrow")
    assert (await async_client.query_arrow(f"SELECT * FROM {name}")).num_rows == 50_001
    with pytest.raises(Exception, match="UNKNOWN_TABLE"):
        await async_client.query("SELECT * FROM nowhere")
