"""What is read of a statement before the engine sees it."""

import pytest

from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.statement import Statement, parse


def _whole(sql: str | bytes) -> Statement:
    raw = sql.encode() if isinstance(sql, str) else sql
    found = parse(raw, complete=True)
    assert found is not None
    return found


def _code(sql: str) -> int:
    with pytest.raises(ClickHouseError) as caught:
        parse(sql.encode(), complete=True)
    return caught.value.code


DATA = {
    "INSERT INTO t FORMAT CSV\n1,2": ("CSV", b"1,2"),
    "INSERT INTO t FORMAT CSV 1,2": ("CSV", b"1,2"),
    "INSERT INTO t FORMAT CSV;\n1,2": ("CSV", b"1,2"),
    "INSERT INTO t FORMAT CSV\r\n1,2": ("CSV", b"1,2"),
    "INSERT INTO t FORMAT CSV\n\n1,2": ("CSV", b"\n1,2"),
    "INSERT INTO t FORMAT CSV \t\n 1,2": ("CSV", b" 1,2"),
    "INSERT INTO t VALUES (1), (2)": ("Values", b" (1), (2)"),
    "insert into t(a)values(1)": ("Values", b"(1)"),
    "INSERT INTO t (a, b) SETTINGS x = 'FORMAT TSV' FORMAT CSV\n1": ("CSV", b"1"),
    "INSERT INTO FUNCTION null('a Int') VALUES (1)": ("Values", b" (1)"),
    "INSERT INTO values VALUES (1)": ("Values", b" (1)"),
    "INSERT INTO d.format (format) FORMAT CSV\n1": ("CSV", b"1"),
    "INSERT INTO t FORMAT CSV": ("CSV", b""),
    "INSERT INTO t FORMAT CSV\n'; SELECT 1 -- open": ("CSV", b"'; SELECT 1 -- open"),
}


@pytest.mark.parametrize("sql", DATA)
def test_where_the_data_of_an_insert_begins(sql: str) -> None:
    found = _whole(sql)
    assert (found.insert_format, sql.encode()[found.data_at :]) == DATA[sql]
    assert b"FORMAT CSV" not in found.text
    assert found.kind == "INSERT"


def test_binary_data_is_not_read_as_sql() -> None:
    data = bytes(range(256)) * 4
    found = _whole(b"INSERT INTO t FORMAT Native\n" + data)
    assert (found.insert_format, found.data_at) == ("Native", 28)


@pytest.mark.parametrize("cut", range(1, 34))
def test_an_insert_is_known_only_when_its_head_is_whole(cut: int) -> None:
    sql = b"INSERT INTO t (a) FORMAT CSV\n1,2\n3"
    found = parse(sql[:cut], complete=False)
    if cut < len(b"INSERT INTO t (a) FORMAT CSV\n1"):
        assert found is None
    else:
        assert found is not None
        assert sql[found.data_at :] == b"1,2\n3"


def test_other_statements_wait_for_their_end() -> None:
    for sql in (b"SELECT 1", b"INSERT INTO t SELECT 1 FORMAT", b"", b" -- x", b"CREATE TABLE t"):
        assert parse(sql, complete=False) is None


KINDS = {
    "select 1": "SELECT",
    "/* x */ (SELECT 1)": "(",
    "WITH 1 AS x SELECT x": "WITH",
    "WITH 1 AS x INSERT INTO t SELECT x": "INSERT",
    "INSERT INTO t SELECT 1": "INSERT",
    "-- a\nALTER TABLE t ADD COLUMN x Int": "ALTER",
}


@pytest.mark.parametrize("sql", KINDS)
def test_kind(sql: str) -> None:
    assert _whole(sql).kind == KINDS[sql]


FORMATS = {
    "SELECT 1 FORMAT JSON": "JSON",
    "SELECT 1 format JSON;": "JSON",
    "SELECT 1 FORMAT JSON -- x": "JSON",
    "SELECT 1 FORMAT JSON SETTINGS a = 1": "JSON",
    "SELECT 1 SETTINGS a = 1 FORMAT JSON": "JSON",
    "SELECT 'FORMAT JSON'": None,
    "SELECT format FROM t": None,
    "SELECT format('{}', 1)": None,
    "SELECT 1 AS format": None,
}


@pytest.mark.parametrize("sql", FORMATS)
def test_the_format_of_the_answer(sql: str) -> None:
    assert _whole(sql).output_format == FORMATS[sql]


FILES = {
    "SELECT 1": "SELECT 1\nINTO OUTFILE 'f' FORMAT TSV ",
    "SELECT 1 -- x": "SELECT 1\nINTO OUTFILE 'f' FORMAT TSV  -- x",
    "SELECT 1;": "SELECT 1\nINTO OUTFILE 'f' FORMAT TSV ;",
    "SELECT 1 FORMAT JSON": "SELECT 1 \nINTO OUTFILE 'f' FORMAT JSON",
    "SELECT 1 FORMAT JSON SETTINGS a=1;": "SELECT 1 \nINTO OUTFILE 'f' FORMAT JSON SETTINGS a=1;",
}


@pytest.mark.parametrize("sql", FILES)
def test_the_answer_into_a_file(sql: str) -> None:
    assert _whole(sql).into_file("'f'", "TSV").decode() == FILES[sql]


def test_the_mark_goes_where_no_comment_hides_it() -> None:
    assert _whole("SELECT 1 -- x").marked("m") == b"SELECT 1 /* m */  -- x"
    assert _whole("SELECT 1 FORMAT CSV;").marked("m") == b"SELECT 1  /* m */ FORMAT CSV;"


@pytest.mark.parametrize(
    "sql", ["", " ", "-- x", "SELECT 'a", "SELECT 1 /* x", "SELECT 1; SELECT 2", ";; SELECT 1"]
)
def test_what_is_no_single_statement(sql: str) -> None:
    assert _code(sql) == 62


@pytest.mark.parametrize("sql", ["SELECT 1;", "SELECT 1 ; ;", "SELECT ';'", "SELECT 1; -- ; x"])
def test_semicolons_that_are_fine(sql: str) -> None:
    assert _whole(sql).kind == "SELECT"


REFUSED = {
    "SELECT 1 INTO OUTFILE 'f'": 358,
    "select 1 into/**/outfile 'f'": 358,
    "SELECT .5INTO OUTFILE 'f'": 358,
    "SELECT x'41'INTO OUTFILE 'f'": 358,
    "SELECT $$'$$ INTO -- '\n OUTFILE 'f'": 358,
    "EXPLAIN SELECT 1 INTO OUTFILE 'f'": 358,
    "INSERT INTO t FROM INFILE 'f' FORMAT CSV": 497,
    "INSERT INTO t (a) from infile 'f' FORMAT CSV": 497,
    "INSERT INTO t SELECT * FROM input('a Int') FORMAT CSV 1": 48,
    "SELECT * FROM Python(x)": 497,
    "SELECT * FROM python /* */ (x)": 497,
    'SELECT * FROM "PYTHON"(x)': 497,
    "SELECT * FROM `p\\x79thon`(x)": 497,
    "INSERT INTO FUNCTION python(x) VALUES (1)": 497,
    "INSERT INTO t SELECT * FROM python(x)": 497,
    "DESCRIBE TABLE python(x)": 497,
    "CREATE TABLE t AS python(x)": 497,
}


@pytest.mark.parametrize("sql", REFUSED)
def test_forms_that_would_reach_this_machine(sql: str) -> None:
    assert _code(sql) == REFUSED[sql]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'x INTO OUTFILE y' FROM t",
        "SELECT python, outfile, infile FROM t",
        "SELECT 1 -- INTO OUTFILE 'f'",
        "SELECT * FROM infile",
        "INSERT INTO python (a) VALUES (1)",
        "INSERT INTO python(a) SELECT 1",
        "SELECT `python` FROM t",
    ],
)
def test_forms_that_only_look_like_it(sql: str) -> None:
    _whole(sql)


def test_who_may_send_what() -> None:
    assert _whole("SELECT 1").reads_only
    assert not _whole("INSERT INTO t VALUES (1)").reads_only
    for sql in ("SYSTEM STOP MERGES", "KILL QUERY WHERE 1", "ALTER TABLE t DELETE WHERE 1"):
        assert not _whole(sql).for_reader


def test_a_head_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ClickHouseError, match="UTF-8"):
        parse(b"INSERT INTO \xff VALUES (1)", complete=True)
