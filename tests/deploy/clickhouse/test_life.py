"""Start, stop, and what goes wrong between them; every test here starts the process itself."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from subprocess import run

import pytest

from tests.contracts.clickhouse.curl import Curl
from tests.contracts.clickhouse.stand_in import StandIn

SLOW = "SELECT sleepEachRow(0.3) FROM numbers(5) SETTINGS max_block_size = 1 FORMAT JSON"
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(number)"
_SECONDS = 20.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path) as running:
        yield running


def _curl(stand_in: StandIn) -> Curl:
    return Curl(stand_in.host, stand_in.port, stand_in.writer, "default")


def _wait_until_admitted(curl: Curl, count: int) -> None:
    wanted = f"headrace_clickhouse_admitted {count}\n"
    deadline = time.monotonic() + _SECONDS
    while wanted not in curl.send("GET", "/metrics").text:
        assert time.monotonic() < deadline, f"never {count} statements"


def test_a_locked_directory_is_said_in_one_sentence(stand_in: StandIn, tmp_path: Path) -> None:
    other = StandIn(tmp_path)
    other.data = stand_in.data
    second = other.launch()
    assert second.wait(_SECONDS) == 1
    assert second.tail() == (
        f"clickhouse: {stand_in.data} is in use by process {stand_in.pid}: stop that one, "
        "or choose another directory"
    )
    assert _curl(stand_in).post("SELECT 1").text == "1\n"


@pytest.mark.faults
def test_stopping_finishes_what_runs_and_a_kill_leaves_no_litter(own: StandIn) -> None:
    curl = _curl(own)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(curl.post, SLOW)
        _wait_until_admitted(curl, 1)
        assert own.stop() == 0
        assert slow.result().text.count("sleepEachRow") == 6
    own.start()
    curl = _curl(own)
    with ThreadPoolExecutor(1) as pool:
        broken = pool.submit(curl.post, SLOW)
        _wait_until_admitted(curl, 1)
        own.kill()
        assert isinstance(broken.exception(), OSError | EOFError)
    own.start()
    assert list((own.data / "spool").iterdir()) == []


@pytest.mark.faults
def test_an_endless_select_does_not_keep_the_process(own: StandIn) -> None:
    curl = _curl(own)
    with ThreadPoolExecutor(1) as pool:
        endless = pool.submit(curl.post, f"{ENDLESS} FORMAT JSON")
        _wait_until_admitted(curl, 1)
        assert own.stop() == 0
        assert endless.result().code == 394


def test_a_statement_whose_client_left_is_stopped(stand_in: StandIn) -> None:
    curl = _curl(stand_in)
    for tail in (b" FORMAT JSON", b" FORMAT TSV"):
        endless = ENDLESS.encode() + tail
        with socket.create_connection((stand_in.host, stand_in.port)) as left:
            head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(endless)
            left.sendall(head + endless)
            _wait_until_admitted(curl, 1)
        _wait_until_admitted(curl, 0)


def test_an_insert_whose_client_left_stores_nothing(stand_in: StandIn) -> None:
    curl = _curl(stand_in)
    assert curl.post("CREATE TABLE cut (n UInt32) ENGINE = MergeTree ORDER BY n").status == 200
    user, key = (part.encode() for part in stand_in.writer)
    head = (
        b"POST /?query=INSERT+INTO+cut+FORMAT+TSV HTTP/1.1\r\nHost: x\r\n"
        b"X-ClickHouse-User: " + user + b"\r\nX-ClickHouse-Key: " + key + b"\r\n"
        b"Content-Length: 4000000\r\n\r\n"
    )
    with socket.create_connection((stand_in.host, stand_in.port)) as left:
        left.sendall(head + b"1\n" * 1_500_000)
        _wait_until_admitted(curl, 1)
    _wait_until_admitted(curl, 0)
    assert curl.post("SELECT count() FROM cut").text == "0\n"
    curl.post("DROP TABLE cut")


def _can_mount() -> bool:
    unshare = which("unshare")
    return bool(unshare) and run([unshare, "-rm", "true"], check=False).returncode == 0  # type: ignore[list-item]


@pytest.mark.faults
@pytest.mark.skipif(not _can_mount(), reason="needs unshare and the right to mount a tmpfs")
def test_a_full_disk_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    mount = f"mount -t tmpfs -o size=96m none {tmp_path}/data"
    wrapper = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    with StandIn(tmp_path, wrapper=wrapper) as full:
        curl = _curl(full)
        for name in ("kept", "fill"):
            definition = (
                f"CREATE TABLE {name} (s String CODEC(NONE)) ENGINE = MergeTree ORDER BY ()"
            )
            assert curl.post(definition).status == 200
        assert curl.post("INSERT INTO kept VALUES ('kept')").status == 200
        codes: set[int] = set()
        while 243 not in codes and len(codes) < 2:
            reply = curl.post("INSERT INTO fill SELECT randomString(1000) FROM numbers(10000)")
            codes.add(reply.code)
        assert codes == {0, 243}
        assert curl.post("SELECT * FROM kept").text == "kept\n"
        assert curl.post("TRUNCATE TABLE fill").status == 200
        deadline = time.monotonic() + _SECONDS
        while curl.post("INSERT INTO kept VALUES ('more')").status != 200:
            assert time.monotonic() < deadline
        assert curl.post("SELECT count() FROM kept").text == "2\n"


@pytest.mark.faults
@pytest.mark.skipif(not _can_mount(), reason="needs unshare and the right to mount a tmpfs")
@pytest.mark.parametrize("rows", [500, 20_000])
def test_no_insert_that_a_full_disk_spoilt_is_acknowledged(tmp_path: Path, rows: int) -> None:
    """The last block of an insert is written when its data has ended; that may fail, too."""
    (tmp_path / "data").mkdir()
    mount = f"mount -t tmpfs -o size=64m none {tmp_path}/data"
    wrapper = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    with StandIn(tmp_path, wrapper=wrapper) as full:
        curl = _curl(full)
        made = curl.post("CREATE TABLE t (s String CODEC(NONE)) ENGINE = MergeTree ORDER BY ()")
        assert made.status == 200
        data = "\n".join(["x" * 1_000] * rows)
        acknowledged = refused = 0
        while refused < 3:
            reply = curl.post(f"INSERT INTO t FORMAT TSV\n{data}")
            assert reply.code in {0, 243}, reply.text
            acknowledged += reply.code == 0
            refused += reply.code == 243
        assert curl.post("SELECT count() FROM t").text == f"{acknowledged * rows}\n"
