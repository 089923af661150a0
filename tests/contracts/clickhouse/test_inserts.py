# ruff: noqa: S608 - the names in these statements are made here
"""Every row that is acknowledged is stored, in whatever shape it was sent."""

import gzip
import io
import json
import zlib
from collections.abc import Callable
from typing import Any

import lz4.frame  # type: ignore[import-untyped]  # has no type hints
import pytest
from backports import zstd

from tests.contracts.clickhouse.curl import Curl

MakeTable = Callable[[str], str]

ROWS = 200_000
PAIRS = "(n UInt32, s String) ENGINE = MergeTree ORDER BY n"


def _sums(client: Any, name: str) -> tuple[int, int]:
    return tuple(client.query(f"SELECT count(), sum(n) FROM {name}").first_row)


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_every_frame_of_a_large_insert_is_stored(
    connect: Callable[..., Any], table: MakeTable, compress: str | bool
) -> None:
    """The client sends one compressed frame per 8,192 rows."""
    name = table(PAIRS)
    client = connect(compress=compress)
    columns = [list(range(ROWS)), [f"value {n}" for n in range(ROWS)]]
    done = client.insert(name, columns, column_names=["n", "s"], column_oriented=True)
    assert done.written_rows == ROWS
    assert _sums(client, name) == (ROWS, ROWS * (ROWS - 1) // 2)


def test_a_large_insert_becomes_one_part(client: Any, table: MakeTable) -> None:
    name = table(PAIRS)
    client.insert(name, [[n, "x"] for n in range(100_000)], column_names=["n", "s"])
    assert client.command(f"SELECT uniqExact(_part) FROM {name}") == 1


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("encoding", COMPRESSIONS)
def test_json_lines_in_concatenated_frames(
    client: Any, table: MakeTable, curl: Curl, encoding: str
) -> None:
    name = table(PAIRS)
    lines = [json.dumps({"n": n, "s": f"ü{n}"}).encode() + b"\n" for n in range(30)]
    frames = b"".join(COMPRESSIONS[encoding](b"".join(lines[at : at + 10])) for at in (0, 10, 20))
    reply = curl.post(
        frames,
        query=f"INSERT INTO {name} FORMAT JSONEachRow",
        headers={"Content-Encoding": encoding},
    )
    assert reply.status == 200, reply.text
    assert json.loads(reply.headers["x-clickhouse-summary"])["written_rows"] == "30"
    assert _sums(client, name) == (30, sum(range(30)))


@pytest.mark.parametrize("compression", ["gzip", "zstd", "lz4", None])
def test_raw_insert_of_json_lines(client: Any, table: MakeTable, compression: str | None) -> None:
    name = table(PAIRS)
    lines = b"".join(json.dumps({"n": n, "s": "it's"}).encode() + b"\n" for n in range(10))
    block = COMPRESSIONS[compression](lines) if compression else lines
    done = client.raw_insert(
        name, ["n", "s"], insert_block=block, fmt="JSONEachRow", compression=compression
    )
    assert done.written_rows == 10
    assert _sums(client, name) == (10, 45)


def test_raw_insert_of_a_generator(client: Any, table: MakeTable) -> None:
    name = table(PAIRS)
    pieces = (b'{"n": %d, "s": "x"}\n' % n for n in range(1000))
    assert client.raw_insert(name, insert_block=pieces, fmt="JSONEachRow").written_rows == 1000


def _parquet() -> bytes:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    sink = io.BytesIO()
    parquet.write_table(
        arrow.table({"n": arrow.array([1, 2], arrow.uint32()), "s": ["a", "b"]}), sink
    )
    return sink.getvalue()


def _arrow() -> bytes:
    arrow = pytest.importorskip("pyarrow")
    rows = arrow.table({"n": arrow.array([1, 2], arrow.uint32()), "s": ["a", "b"]})
    sink = io.BytesIO()
    with arrow.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue()


BODIES: dict[str, Callable[[], bytes]] = {
    "JSONEachRow": lambda: b'{"n": 1, "s": "a"}\n{"s": "b", "n": 2}',
    "JSONCompactEachRow": lambda: b'[1, "a"]\n[2, "b"]',
    "CSV": lambda: b'1,"a"\r\n2,b\r\n',
    "CSVWithNames": lambda: b"s,n\na,1\nb,2\n",
    "TSV": lambda: b"1\ta\n2\tb\n",
    "TabSeparated": lambda: b"1\ta\n2\tb",
    "Values": lambda: b"(1, 'a'), (1 + 1, lower('B'))",
    "RowBinary": lambda: b"\x01\x00\x00\x00\x01a\x02\x00\x00\x00\x01b",
    "Parquet": _parquet,
    "Arrow": _arrow,
}


@pytest.mark.parametrize("in_url", [True, False], ids=["head-in-url", "head-in-body"])
@pytest.mark.parametrize("form", BODIES)
def test_every_format(
    client: Any, table: MakeTable, curl: Curl, form: str, *, in_url: bool
) -> None:
    name = table(PAIRS)
    head = f"INSERT INTO {name} FORMAT {form}"
    body = BODIES[form]()
    reply = curl.post(body, query=head) if in_url else curl.post(head.encode() + b"\n" + body)
    assert reply.status == 200, reply.text
    assert client.query(f"SELECT * FROM {name} ORDER BY n").result_rows == [(1, "a"), (2, "b")]


HEADS = {
    "values": "INSERT INTO {t} VALUES (7, 'seven')",
    "values, no space": "INSERT INTO {t}(n,s)VALUES(7,'seven')",
    "lower case": "insert into {t} (n, s) values (7, 'seven')",
    "TABLE": "INSERT INTO TABLE {t} VALUES (7, 'seven')",
    "quoted names": "INSERT INTO `{t}` (`n`, \"s\") VALUES (7, 'seven')",
    "with the database": "INSERT INTO {d}.{t} (n, s) VALUES (7, 'seven')",
    "all but": "INSERT INTO {t} (* EXCEPT(s)) VALUES (7)",
    "comments": "-- one\n/* two /* nested */ ; */ INSERT /* three */ INTO {t} # four\n "
    "VALUES (7, 'seven')",
    "settings": "INSERT INTO {t} (n, s) SETTINGS async_insert = 0, max_threads = 1 "
    "VALUES (7, 'seven')",
    "settings, format": "INSERT INTO {t} SETTINGS max_threads = 1\nFORMAT JSONEachRow\n"
    '{{"n": 7, "s": "seven"}}',
    "format on its own line": "INSERT INTO {t}\n  (n, s)\nFORMAT JSONEachRow "
    '{{"n": 7, "s": "seven"}}',
    "semicolon after the format": "INSERT INTO {t} FORMAT CSV;\n7,seven\n",
    "carriage returns": "INSERT INTO {t}\r\nFORMAT TSV\r\n7\tseven\n",
    "select": "INSERT INTO {t} SELECT 7, 'seven'",
    "select with settings": "INSERT INTO {t} (n, s) SELECT 7, 'seven' SETTINGS max_threads = 1;",
    "with": "INSERT INTO {t} WITH 7 AS x SELECT x, 'seven'",
}


@pytest.mark.parametrize("shape", HEADS)
def test_every_shape_of_an_insert(
    client: Any, table: MakeTable, curl: Curl, database: str, shape: str
) -> None:
    name = table("(n UInt32, s String DEFAULT 'seven') ENGINE = MergeTree ORDER BY n")
    reply = curl.post(HEADS[shape].format(t=name, d=database))
    assert reply.status == 200, reply.text
    assert client.query(f"SELECT * FROM {name}").result_rows == [(7, "seven")]


def test_a_table_may_be_called_like_a_keyword(client: Any, curl: Curl, database: str) -> None:
    for word in ("values", "format", "select"):
        client.command(f"CREATE OR REPLACE TABLE `{word}` (n UInt32) ENGINE = Memory")
        assert curl.post(f"INSERT INTO {database}.{word} (n) VALUES (1), (2)").status == 200
        assert client.command(f"SELECT sum(n) FROM `{word}`") == 3


def test_nothing_of_a_refused_insert_is_stored(client: Any, table: MakeTable, curl: Curl) -> None:
    name = table(PAIRS)
    lines = [b'{"n": 1, "s": "x"}'] * 17 + [b'{"n": "many", "s": "x"}', b'{"n": 1, "s": "x"}']
    reply = curl.post(b"\n".join(lines), query=f"INSERT INTO {name} FORMAT JSONEachRow")
    assert reply.status == 400
    assert "(at row 18)" in reply.text
    assert client.command(f"SELECT count() FROM {name}") == 0


def test_an_empty_insert_stores_nothing_and_is_no_error(
    client: Any, table: MakeTable, curl: Curl
) -> None:
    name = table(PAIRS)
    assert curl.post("", query=f"INSERT INTO {name} FORMAT JSONEachRow").status == 200
    assert client.command(f"SELECT count() FROM {name}") == 0


def test_written_rows_include_what_a_view_wrote(client: Any, table: MakeTable) -> None:
    source, target = table(PAIRS), table(PAIRS)
    client.command(f"CREATE MATERIALIZED VIEW {source}_v TO {target} AS SELECT * FROM {source}")
    try:
        done = client.insert(source, [[1, "a"], [2, "b"]], column_names=["n", "s"])
        assert done.written_rows == 4
        assert _sums(client, target) == (2, 3)
    finally:
        client.command(f"DROP VIEW {source}_v")


def test_insert_select_says_how_much_it_wrote(client: Any, table: MakeTable) -> None:
    name = table(PAIRS)
    done = client.command(f"INSERT INTO {name} SELECT number, 'x' FROM numbers(1000)")
    assert done.written_rows == 1000
