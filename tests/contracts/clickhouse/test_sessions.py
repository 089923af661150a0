# ruff: noqa: S608 - the names in these statements are made here
"""Sessions keep temporary tables and settings, for one statement at a time."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.contracts.clickhouse.curl import Curl


def _id() -> str:
    return secrets.token_hex(8)


def test_a_temporary_table_lives_in_its_session_only(curl: Curl) -> None:
    session = _id()
    assert curl.post("CREATE TEMPORARY TABLE kept (n UInt32)", session_id=session).status == 200
    assert curl.post("INSERT INTO kept VALUES (1), (2)", session_id=session).status == 200
    assert curl.post("SELECT sum(n) FROM kept", session_id=session).text == "3\n"
    assert curl.post("SELECT sum(n) FROM kept").code == 60
    assert curl.post("SELECT sum(n) FROM kept", session_id=_id()).code == 60


def test_set_and_use_stay_in_the_session(curl: Curl) -> None:
    session = _id()
    for statement in ("SET max_block_size = 91", "USE system"):
        assert curl.send("POST", f"/?session_id={session}", statement, _login(curl)).status == 200
    asked = "SELECT getSetting('max_block_size'), currentDatabase()"
    found = curl.send("POST", f"/?session_id={session}", asked, _login(curl))
    assert found.text == "91\tsystem\n"
    assert not curl.post(asked).text.startswith("91")


def test_what_a_request_sets_ends_with_it(curl: Curl) -> None:
    session = _id()
    asked = "SELECT getSetting('max_block_size'), currentDatabase()"
    curl.send("POST", f"/?session_id={session}", "SET max_block_size = 91", _login(curl))
    during = curl.post(asked, session_id=session, max_block_size=92, database="system")
    assert during.text == "92\tsystem\n"
    after = curl.send("POST", f"/?session_id={session}", asked, _login(curl))
    assert after.text == "91\tdefault\n"


def test_a_failed_request_leaves_nothing_behind(curl: Curl) -> None:
    session = _id()
    asked = "SELECT getSetting('max_block_size')"
    before = curl.post(asked, session_id=session).text
    assert curl.post(asked, session_id=session, max_block_size=92, nonsense=1).code == 115
    assert curl.post("SELECT nothing", session_id=session, max_block_size=92).code == 47
    assert curl.post(asked, session_id=session).text == before


def test_a_busy_session_is_locked(curl: Curl) -> None:
    session = _id()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(
            curl.post,
            f"SELECT 'slow {session}', sleepEachRow(0.5) FROM numbers(3) "
            "SETTINGS max_block_size = 1",
            session_id=session,
            wait_end_of_query=1,
        )
        running = f"SELECT count() FROM system.processes WHERE query LIKE '%slow {session}%'"
        while curl.post(running + " AND query NOT LIKE '%processes%'").text == "0\n":
            assert not slow.done()
        assert curl.post("SELECT 1", session_id=session).code == 373
        assert slow.result().status == 200
    assert curl.post("SELECT 1", session_id=session).text == "1\n"


def test_session_check_wants_a_session_that_exists(curl: Curl) -> None:
    session = _id()
    assert curl.post("SELECT 1", session_id=session, session_check=1).code == 372
    assert curl.post("SELECT 1", session_id=session).status == 200
    assert curl.post("SELECT 1", session_id=session, session_check=1).status == 200


def test_a_session_timeout_has_bounds(curl: Curl) -> None:
    assert curl.post("SELECT 1", session_id=_id(), session_timeout=999_999).code == 374


def test_clients_with_sessions_do_not_meet(connect: Callable[..., Any]) -> None:
    one, other = connect(), connect()
    one.command("CREATE TEMPORARY TABLE mine (n UInt32)")
    other.command("CREATE TEMPORARY TABLE mine (n String)")
    one.insert("mine", [[1]], column_names=["n"])
    assert one.command("SELECT n FROM mine") == 1
    assert other.query("SELECT n FROM mine").result_rows == []


def _login(curl: Curl) -> dict[str, str]:
    name, password = (part.encode().decode("latin-1") for part in curl.user)
    return {"X-ClickHouse-User": name, "X-ClickHouse-Key": password}
