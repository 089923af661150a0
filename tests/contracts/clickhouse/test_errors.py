"""Errors have ClickHouse's numbers and names, for clients and for people."""

from collections.abc import Callable
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.contracts.clickhouse.curl import Curl

MakeTable = Callable[[str], str]

ERRORS = {
    "SELECT * FROM nowhere": (60, "UNKNOWN_TABLE", 404),
    "SELEC 1": (62, "SYNTAX_ERROR", 400),
    "SELECT 'open": (62, "SYNTAX_ERROR", 400),
    "SELECT 1; SELECT 2": (62, "SYNTAX_ERROR", 400),
    "SELECT nothing": (47, "UNKNOWN_IDENTIFIER", 404),
    "SELECT nofunc(1)": (46, "UNKNOWN_FUNCTION", 404),
    "SELECT 1 FORMAT Nonsense": (73, "UNKNOWN_FORMAT", 404),
    "SELECT 1 SETTINGS nonsense = 1": (115, "UNKNOWN_SETTING", 404),
    "INSERT INTO nowhere VALUES (1)": (60, "UNKNOWN_TABLE", 404),
    "CREATE TABLE x (n Nonsense) ENGINE = Memory": (50, "UNKNOWN_TYPE", 404),
    "SELECT throwIf(1)": (395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", 500),
    "SELECT toUInt8('x')": (6, "CANNOT_PARSE_TEXT", 400),
}


@pytest.mark.parametrize("statement", ERRORS)
def test_number_name_and_status(curl: Curl, statement: str) -> None:
    code, name, status = ERRORS[statement]
    reply = curl.post(statement)
    assert (reply.code, reply.status) == (code, status), reply.text
    assert reply.text.startswith(f"Code: {code}. DB::Exception: ")
    assert f"({name})" in reply.text


@pytest.mark.parametrize("statement", ERRORS)
def test_the_client_sees_number_and_name(client: Any, statement: str) -> None:
    code, name, _ = ERRORS[statement]
    with pytest.raises(DatabaseError) as caught:
        client.command(statement)
    assert (caught.value.code, caught.value.name) == (code, name)


def test_an_unknown_database(curl: Curl) -> None:
    assert curl.post("SELECT 1", database="nowhere").code == 81


def test_an_unknown_setting_in_the_url(curl: Curl) -> None:
    reply = curl.post("SELECT 1", no_such_setting="1")
    assert (reply.code, reply.status) == (115, 404)


def test_no_statement_at_all(curl: Curl) -> None:
    assert curl.post("").code == 62
    assert curl.post(" -- only a comment\n").code == 62


def test_a_value_that_does_not_fit_is_found_by_its_row(client: Any, table: MakeTable) -> None:
    name = table("(p JSON(max_dynamic_paths=0, n Int64)) ENGINE = MergeTree ORDER BY tuple()")
    lines = [b'{"p": {"n": 1}}'] * 41 + [b'{"p": {"n": "many"}}'] + [b'{"p": {"n": 1}}'] * 3
    with pytest.raises(DatabaseError) as caught:
        client.raw_insert(name, insert_block=b"\n".join(lines), fmt="JSONEachRow")
    assert (caught.value.code, caught.value.name) == (117, "INCORRECT_DATA")
    assert "(at row 42)" in str(caught.value)


def test_a_statement_after_an_error_is_fine(client: Any) -> None:
    with pytest.raises(DatabaseError):
        client.command("SELECT nothing")
    assert client.command("SELECT 1") == 1


def test_a_body_that_is_not_what_it_says(curl: Curl, table: MakeTable) -> None:
    name = table("(n UInt32) ENGINE = Memory")
    query = f"INSERT INTO {name} FORMAT TSV"
    for encoding in ("gzip", "zstd", "lz4", "deflate"):
        reply = curl.post(b"1\n2\n", query=query, headers={"Content-Encoding": encoding})
        assert reply.status >= 400, encoding
        assert reply.code > 0, encoding
