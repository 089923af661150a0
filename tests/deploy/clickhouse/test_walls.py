"""What only an embedded engine could give away, and does not."""

import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.clickhouse.curl import Curl
from tests.contracts.clickhouse.stand_in import WRITER, StandIn

READING_FILES = [
    "SELECT file('/etc/hostname')",
    "SELECT file('/etc/hostname', 'default')",
    "SELECT `f\\x69le`('/etc/hostname')",
    "SELECT * APPLY(file) FROM (SELECT '/etc/hostname' AS a)",
    "SELECT arrayMap(file, ['/etc/hostname'])",
    "SELECT arrayMap(x -> file(x), ['/etc/hostname'])",
    "SELECT * FROM file('/etc/hostname', 'LineAsString')",
    "SELECT * FROM '/etc/hostname'",
    "SELECT * FROM `/etc/hostname`",
    "SELECT * FROM fileCluster('default', '/etc/hostname', 'LineAsString')",
    "SELECT * FROM sqlite('/etc/hostname', 't')",
    "SELECT * FROM icebergLocal('/etc')",
    "SELECT * FROM deltaLakeLocal('/etc')",
    "SELECT * FROM paimonLocal('/etc')",
    "SELECT * FROM format(Protobuf, 'a String', 'x') SETTINGS format_schema = '/etc/hostname:X'",
]
REACHING_OUT = [
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'TSV', 'a String')",
    "SELECT * FROM s3('http://127.0.0.1:{port}/bucket/key', 'TSV', 'a String')",
    "SELECT * FROM gcs('http://127.0.0.1:{port}/bucket/key', 'TSV', 'a String')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:{port}/a', 'TSV', 'a String')",
    "SELECT * FROM azureBlobStorage('http://127.0.0.1:{port}', 'c', 'b', 'a', 'k')",
    "SELECT * FROM remote('127.0.0.1:{port}', 'system.one')",
    "SELECT * FROM remoteSecure('127.0.0.1:{port}', 'system.one')",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM mongodb('127.0.0.1:{port}', 'd', 't', 'u', 'p', 'a String')",
    "SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String')",
    "SELECT * FROM arrowFlight('127.0.0.1:{port}', 'd')",
    "SELECT aiGenerate('x', map('credentials', 'http://127.0.0.1:{port}'))",
]
# no such function, no such collection, not built in, not granted
REFUSALS = {46, 669, 344, 497}
PROCESS = [
    "SELECT * FROM python(config)",
    "SELECT * FROM Python(params)",
    "SELECT * FROM `p\\x79thon`(params)",
    "SELECT * FROM executable('cat', 'TSV', 'a String')",
]
WRITING_FILES = [
    "SELECT 1 INTO OUTFILE '{path}'",
    "INSERT INTO FUNCTION file('{path}', 'TSV', 'a String') VALUES ('x')",
    "INSERT INTO FUNCTION file('{path}', 'TSV', 'a String') SELECT 'x'",
    "CREATE TABLE f (a String) ENGINE = File(TSV, '{path}')",
    "CREATE DATABASE f ENGINE = Filesystem('/etc')",
    "BACKUP DATABASE default TO File('{path}')",
    "CREATE USER u",
    "SYSTEM SHUTDOWN",
]


@pytest.mark.parametrize("statement", READING_FILES + PROCESS)
@pytest.mark.parametrize("who", ["reader", "writer"])
def test_no_file_and_no_process(request: pytest.FixtureRequest, who: str, statement: str) -> None:
    curl: Curl = request.getfixturevalue(who)
    content = Path("/etc/hostname").read_text().strip() or "no name"
    for form in ("TSV", "JSON"):
        reply = curl.post(statement, default_format=form)
        assert reply.code > 0, reply.text
        assert content not in reply.text.replace("/etc/hostname", "")


@pytest.mark.parametrize("statement", REACHING_OUT)
@pytest.mark.parametrize("who", ["reader", "writer"])
def test_no_network(
    request: pytest.FixtureRequest, stand_in: StandIn, who: str, statement: str
) -> None:
    curl: Curl = request.getfixturevalue(who)
    with socket.create_server((stand_in.host, 0)) as trap:
        trap.settimeout(0)
        reply = curl.post(statement.format(port=trap.getsockname()[1]))
        assert reply.code in REFUSALS, reply.text
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.mark.parametrize("statement", WRITING_FILES)
@pytest.mark.parametrize("who", ["reader", "writer"])
def test_nothing_is_written_beside_the_data(
    request: pytest.FixtureRequest, tmp_path: Path, who: str, statement: str
) -> None:
    curl: Curl = request.getfixturevalue(who)
    reply = curl.post(statement.format(path=tmp_path / "written"))
    assert reply.code > 0
    assert list(tmp_path.iterdir()) == []


def test_a_dictionary_does_not_read_files_either(writer: Curl) -> None:
    writer.post(
        "CREATE DICTIONARY stolen (a String) PRIMARY KEY a "
        "SOURCE(FILE(PATH '/etc/passwd' FORMAT 'LineAsString')) LAYOUT(COMPLEX_KEY_HASHED()) "
        "LIFETIME(0)"
    )
    assert writer.post("SELECT * FROM stolen").code > 0
    assert writer.post("DROP DICTIONARY IF EXISTS stolen").status == 200


def test_the_password_is_nowhere(stand_in: StandIn, writer: Curl) -> None:
    assert writer.post("SELECT currentUser()").status == 200
    secret = WRITER[1].encode()
    files = [path for path in stand_in.data.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]
    assert WRITER[1] not in stand_in.log()
    assert secret.decode() not in Path(f"/proc/{stand_in.pid}/cmdline").read_text()
    for table in ("processes", "server_settings", "settings"):
        assert WRITER[1] not in writer.post(f"SELECT * FROM system.{table} FORMAT TSVRaw").text  # noqa: S608


@settings(max_examples=60)
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_any_body_gets_an_answer_with_a_number(reader: Curl, body: bytes) -> None:
    reply = reader.post(body)
    assert reply.status == 200 or reply.code > 0
    assert reply.code not in {1001, 1002}, reply.text


def test_spooled_answers_leave_nothing(stand_in: StandIn, writer: Curl) -> None:
    large = writer.post(
        "SELECT repeat('x', 1000) FROM numbers(5000) FORMAT JSONCompactEachRow", wait_end_of_query=1
    )
    assert len(large.body) == 5000 * 1005
    assert (
        writer.post("SELECT throwIf(number = 90000) FROM numbers(100000) FORMAT JSON").code == 395
    )
    assert writer.post("SELECT 1 FORMAT Null").body == b""
    assert list((stand_in.data / "spool").iterdir()) == []
