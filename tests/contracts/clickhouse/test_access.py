# ruff: noqa: S608 - the names in these statements are made here
"""Who may come in, and what the read-only user may not do."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from clickhouse_connect.driver import create_async_client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.contracts.clickhouse.curl import Curl

MakeTable = Callable[[str], str]


def _basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def test_three_ways_to_log_in(curl: Curl) -> None:
    name, password = curl.user
    query = {"query": "SELECT currentUser() != ''"}
    in_url = urlencode(query | {"user": name, "password": password})
    assert curl.send("GET", f"/?{in_url}").text == "1\n"
    assert curl.send("GET", f"/?{urlencode(query)}", headers=_basic(name, password)).text == "1\n"
    assert curl.post("SELECT 1").text == "1\n"


@pytest.mark.parametrize("password", ["", "wrong", "wr1ter's s\u00f6cre"])
def test_a_wrong_password_is_refused_in_every_way(curl: Curl, password: str) -> None:
    name = curl.user[0]
    in_url = urlencode({"query": "SELECT 1", "user": name, "password": password})
    replies = [
        curl.send("GET", f"/?{in_url}"),
        curl.send("GET", "/?query=SELECT+1", headers=_basic(name, password)),
        replace(curl, user=(name, password)).post("SELECT 1"),
    ]
    for reply in replies:
        assert (reply.status, reply.code) == (403, 516)
        assert "AUTHENTICATION_FAILED" in reply.text
        assert "sel" not in reply.text.lower().replace("or there is no user", "")


def test_an_unknown_user_looks_like_a_wrong_password(curl: Curl) -> None:
    unknown = replace(curl, user=("nobody", "x")).post("SELECT 1")
    wrong = replace(curl, user=(curl.user[0], "x")).post("SELECT 1")
    assert unknown.text.replace("nobody", "U") == wrong.text.replace(curl.user[0], "U")


def test_the_client_says_516(connect: Callable[..., Any]) -> None:
    with pytest.raises(DatabaseError) as caught:
        connect(password="wrong")
    assert (caught.value.code, caught.value.name) == (516, "AUTHENTICATION_FAILED")


@pytest.mark.parametrize("header", ["Basic !!!", "Basic", "Bearer x", "Nonsense"])
def test_broken_credentials_are_refused(curl: Curl, header: str) -> None:
    reply = curl.send("GET", "/?query=SELECT+1", headers={"Authorization": header})
    assert reply.status in {400, 401, 403}
    assert reply.code > 0


DENIED = [
    "INSERT INTO {t} VALUES (1)",
    "INSERT INTO {t} SELECT 1",
    'INSERT INTO {t} FORMAT JSONEachRow {{"n": 1}}',
    "CREATE TABLE stolen (n UInt32) ENGINE = Memory",
    "CREATE DATABASE stolen",
    "CREATE VIEW stolen AS SELECT 1",
    "CREATE FUNCTION stolen AS x -> x",
    "ALTER TABLE {t} ADD COLUMN m UInt32",
    "ALTER TABLE {t} DELETE WHERE 1",
    "DELETE FROM {t} WHERE 1",
    "TRUNCATE TABLE {t}",
    "DROP TABLE {t}",
    "DROP DATABASE {d}",
    "RENAME TABLE {t} TO {t}_x",
    "OPTIMIZE TABLE {t}",
    "DETACH TABLE {t}",
    "SYSTEM STOP MERGES",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "SET readonly = 0",
    "SET readonly = DEFAULT",
    "SELECT 1 SETTINGS readonly = 0",
    "GRANT ALL ON *.* TO default",
    "CREATE USER stolen",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'a String')",
    "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'TSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1:1', 'system.one')",
    "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "SELECT * FROM executable('cat', 'TSV', 'a String')",
    "INSERT INTO FUNCTION file('/tmp/x.tsv', 'TSV', 'n UInt32') VALUES (1)",
    "INSERT INTO {t} FROM INFILE '/etc/passwd' FORMAT TSV",
    "SELECT 1 INTO OUTFILE '/tmp/headrace-outfile'",
    "CREATE TEMPORARY TABLE stolen (a String) ENGINE = File(TSV, '/etc/passwd')",
]


@pytest.mark.parametrize("statement", DENIED)
def test_the_read_only_user_may_not(
    reader: Any, client: Any, table: MakeTable, database: str, statement: str
) -> None:
    name = table("(n UInt32) ENGINE = MergeTree ORDER BY n")
    client.insert(name, [[5]], column_names=["n"])
    with pytest.raises(DatabaseError) as caught:
        reader.command(statement.format(t=name, d=database))
    assert caught.value.code is not None
    assert client.query(f"SELECT * FROM {name}").result_rows == [(5,)]


def test_readonly_cannot_be_lifted_in_the_url(curl: Curl, reader_login: tuple[str, str]) -> None:
    as_reader = replace(curl, user=reader_login)
    for value in ("0", "1"):
        assert as_reader.post("SELECT 1", readonly=value).code == 164
    assert as_reader.post("SET readonly = 0", session_id="lift").code == 164


def test_the_read_only_user_reads(reader: Any, client: Any, table: MakeTable) -> None:
    name = table("(n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    client.insert(name, [[n, f"v{n}"] for n in range(1000)], column_names=["n", "s"])
    assert reader.query(f"SELECT sum(n) FROM {name}").first_row == (499_500,)
    assert reader.query(f"SELECT 1 FROM {name}", settings={"max_threads": 1}).row_count == 1000
    with reader.query_rows_stream(f"SELECT * FROM {name}") as stream:
        assert sum(1 for _ in stream) == 1000
    found = reader.query("SELECT {s:String}", parameters={"s": "it's"})
    assert found.first_row == ("it's",)
    reader.command("CREATE TEMPORARY TABLE notes (n UInt32)")
    reader.insert("notes", [[1], [2]], column_names=["n"])
    assert reader.command("SELECT sum(n) FROM notes") == 3
    for statement in ("SHOW TABLES", f"DESCRIBE {name}", f"EXPLAIN SELECT * FROM {name}"):
        assert reader.query(statement).row_count > 0
    pytest.importorskip("pyarrow")
    assert reader.query_arrow(f"SELECT * FROM {name}").num_rows == 1000


async def test_the_read_only_user_reads_asynchronously(
    curl: Curl, reader_login: tuple[str, str]
) -> None:
    name, password = reader_login
    client = await create_async_client(
        host=curl.host, port=curl.port, username=name, password=password
    )
    try:
        assert (await client.query("SELECT number FROM numbers(3)")).row_count == 3
        pytest.importorskip("pyarrow")
        assert (await client.query_arrow("SELECT number FROM numbers(3)")).num_rows == 3
        with pytest.raises(DatabaseError) as caught:
            await client.command("CREATE DATABASE stolen")
        assert caught.value.code in {164, 497}
    finally:
        await client.close()


def test_get_changes_nothing(curl: Curl) -> None:
    name, password = curl.user
    params = urlencode({"query": "CREATE DATABASE stolen", "user": name, "password": password})
    reply = curl.send("GET", f"/?{params}")
    assert reply.code == 164


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 INTO OUTFILE '/tmp/headrace-outfile'",
        "SELECT 1 /* x */ into -- y\n outfile '/tmp/headrace-outfile' FORMAT TSV",
        "INSERT INTO {t} FROM INFILE '/etc/hostname' FORMAT TSV",
    ],
)
def test_a_writer_does_not_reach_the_servers_files_either(
    curl: Curl, table: MakeTable, statement: str
) -> None:
    name = table("(s String) ENGINE = Memory")
    reply = curl.post(statement.format(t=name))
    assert reply.status >= 400
    assert curl.post(f"SELECT count() FROM {name}").text == "0\n"
