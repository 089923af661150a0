"""The interface as curl sees it."""

import gzip
import json
import zlib
from collections.abc import Callable
from urllib.parse import urlencode

import lz4.frame  # type: ignore[import-untyped]  # has no type hints
import pytest
from backports import zstd

from tests.contracts.clickhouse.curl import Curl


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/ping", "/"])
def test_ping(curl: Curl, method: str, path: str) -> None:
    reply = curl.send(method, path)
    assert reply.status == 200
    assert reply.body == (b"Ok.\n" if method == "GET" else b"")


def test_an_unknown_path(curl: Curl) -> None:
    assert curl.send("GET", "/nowhere").status == 404


def test_a_statement_in_the_url_continues_in_the_body(curl: Curl) -> None:
    assert curl.post("1 + 1", query="SELECT").text == "2\n"


def test_headers_of_an_answer(curl: Curl) -> None:
    reply = curl.post("SELECT 1 AS a FORMAT JSON", query_id="my-query-1", wait_end_of_query=1)
    assert reply.headers["x-clickhouse-query-id"] == "my-query-1"
    assert reply.headers["x-clickhouse-format"] == "JSON"
    assert reply.headers["content-type"].startswith("application/json")
    assert "x-clickhouse-server-display-name" in reply.headers
    assert "x-clickhouse-timezone" in reply.headers
    summary = json.loads(reply.headers["x-clickhouse-summary"])
    assert {"read_rows", "written_rows", "result_rows", "elapsed_ns"} <= summary.keys()
    assert all(isinstance(value, str) for value in summary.values())


def test_every_answer_has_a_query_id_of_its_own(curl: Curl) -> None:
    assert (
        curl.post("SELECT 1").headers["x-clickhouse-query-id"]
        != curl.post("SELECT 1").headers["x-clickhouse-query-id"]
    )


def test_the_format_can_be_asked_for_in_three_ways(curl: Curl) -> None:
    wanted = b"1,2\n"
    assert curl.post("SELECT 1, 2 FORMAT CSV").body == wanted
    assert curl.post("SELECT 1, 2", default_format="CSV").body == wanted
    assert curl.post("SELECT 1, 2", headers={"X-ClickHouse-Format": "CSV"}).body == wanted
    assert curl.post("SELECT 1, 2 FORMAT TSV", default_format="CSV").body == b"1\t2\n"
    assert curl.post("SELECT 1, 2").body == b"1\t2\n"


def test_the_database_can_be_asked_for_in_two_ways(curl: Curl) -> None:
    login = {"X-ClickHouse-User": curl.user[0], "X-ClickHouse-Key": curl.user[1]}
    login = {name: value.encode().decode("latin-1") for name, value in login.items()}
    header = login | {"X-ClickHouse-Database": "system"}
    assert curl.send("POST", "/", "SELECT currentDatabase()", header).text == "system\n"
    assert curl.post("SELECT currentDatabase()", database="system").text == "system\n"
    assert curl.send("POST", "/", "SELECT currentDatabase()", login).text == "default\n"


INFLATE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": zstd.decompress,
    "lz4": lz4.frame.decompress,
}


@pytest.mark.parametrize("wait", [0, 1], ids=["streamed", "whole"])
@pytest.mark.parametrize("encoding", INFLATE)
def test_compressed_answers(curl: Curl, encoding: str, wait: int) -> None:
    reply = curl.post(
        "SELECT number FROM numbers(100000)",
        enable_http_compression=1,
        wait_end_of_query=wait,
        headers={"Accept-Encoding": encoding},
    )
    assert reply.headers["content-encoding"] == encoding
    lines = INFLATE[encoding](reply.body).splitlines()
    assert (len(lines), lines[-1]) == (100_000, b"99999")


def test_answers_are_plain_unless_asked(curl: Curl) -> None:
    reply = curl.post("SELECT 1", headers={"Accept-Encoding": "gzip"})
    assert (reply.headers.get("content-encoding"), reply.body) == (None, b"1\n")


def test_a_compressed_statement(curl: Curl) -> None:
    reply = curl.post(gzip.compress(b"SELECT 3"), headers={"Content-Encoding": "gzip"})
    assert reply.body == b"3\n"


STATEMENTS = {
    "-- comment\nSELECT 1": "1\n",
    "/* a /* nested */ ; */ SELECT 1": "1\n",
    "SELECT\n  1\n  -- the end": "1\n",
    "SELECT 1;": "1\n",
    "SELECT ';', '--', '/*'": ";\t--\t/*\n",
    "SELECT 'it''s', 'b\\'s'": "it\\'s\tb\\'s\n",
    "SELECT $tag$it's; $tag$": "it\\'s; \n",
    'SELECT 1 AS `a;b`, 2 AS "c--d"': "1\t2\n",
    "WITH 2 AS x SELECT x": "2\n",
    "(SELECT 1)": "1\n",
    "SELECT 1 UNION ALL SELECT 1 FORMAT TSV": "1\n1\n",
    "SELECT 1 AS format": "1\n",
    "SELECT 'INTO OUTFILE', 1 -- INTO OUTFILE 'x'": "INTO OUTFILE\t1\n",
    "EXISTS DATABASE system": "1\n",
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_as_people_write_them(curl: Curl, statement: str) -> None:
    assert curl.post(statement).text == STATEMENTS[statement]


def test_settings_and_format_in_either_order(curl: Curl) -> None:
    for tail in ("SETTINGS max_threads = 1 FORMAT CSV", "FORMAT CSV SETTINGS max_threads = 1"):
        reply = curl.post(f"SELECT 1, 'x' {tail}")
        assert reply.text == '1,"x"\n'
        assert reply.headers["x-clickhouse-format"] == "CSV"


def test_parameters_that_servers_swallow(curl: Curl) -> None:
    reply = curl.post("SELECT 1", quota_key="k", send_progress_in_http_headers=1, buffer_size=1000)
    assert reply.text == "1\n"


def test_a_definition_has_no_body(curl: Curl, database: str) -> None:
    reply = curl.post("CREATE TABLE bodiless (n UInt32) ENGINE = Memory")
    assert (reply.status, reply.body) == (200, b"")
    assert curl.post("DROP TABLE bodiless").status == 200


def test_a_chunked_body(curl: Curl) -> None:
    params = urlencode({"database": curl.database})
    headers = {
        "X-ClickHouse-User": curl.user[0],
        "X-ClickHouse-Key": curl.user[1].encode().decode("latin-1"),
        "Transfer-Encoding": "chunked",
    }
    body = b"7\r\nSELECT \r\n2\r\n40\r\n4\r\n + 2\r\n0\r\n\r\n"
    assert curl.send("POST", f"/?{params}", body, headers).text == "42\n"
