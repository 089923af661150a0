"""Sessions on a handle that only remembers what it was told."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from deploy.local.clickhouse.access import User
from deploy.local.clickhouse.call import Call
from deploy.local.clickhouse.engine_handle import Handle, Outcome
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.sessions import Sessions

USER = User("writer", reads_only=False)


class FakeHandle:
    """Settings by name, and what was said to it."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}
        self.said: list[str] = []
        self.closed = False

    def run(self, sql: str, _form: str, _params: Mapping[str, str] | None = None) -> Outcome:
        self.said.append(sql)
        if sql == "SELECT currentDatabase()":
            return Outcome(body=b"own")
        if sql.startswith("SELECT name, value"):
            rows = (json.dumps([k, v]) for k, v in self.settings.items() if f"'{k}'" in sql)
            return Outcome(body="\n".join(rows).encode())
        if sql.startswith("SET `"):
            name, _, value = sql[5:].partition("` = ")
            self._set(name, value)
        return Outcome()

    def _set(self, name: str, value: str) -> None:
        if value == "DEFAULT":
            self.settings.pop(name, None)
        else:
            self.settings[name] = value.strip("'")

    def change(self, settings: Mapping[str, str]) -> None:
        if settings:
            self.said.append(f"SET {settings}")
            self.settings.update(settings)

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _sessions() -> tuple[Sessions, list[FakeHandle], Clock]:
    handles: list[FakeHandle] = []
    clock = Clock()

    def open_handle(_user: User) -> Handle:
        handles.append(FakeHandle())
        return cast("Handle", handles[-1])

    return Sessions(open_handle, clock), handles, clock


def _call(user: User = USER, session_id: str = "s", **given: Any) -> Call:
    return Call(user=user, session_id=session_id, **given)


def test_a_session_is_for_one_request_at_a_time() -> None:
    sessions, handles, _ = _sessions()
    first = sessions.take(_call())
    with pytest.raises(ClickHouseError) as caught:
        sessions.take(_call())
    assert caught.value.code == 373
    sessions.give_back(first)
    assert sessions.take(_call()) is first
    assert len(handles) == 1


def test_the_same_name_of_another_user_is_another_session() -> None:
    sessions, handles, _ = _sessions()
    sessions.take(_call())
    sessions.take(_call(user=User("default", reads_only=True)))
    assert len(handles) == 2


def test_session_check_makes_none() -> None:
    sessions, handles, _ = _sessions()
    with pytest.raises(ClickHouseError) as caught:
        sessions.take(_call(session_check=True))
    assert (caught.value.code, handles) == (372, [])


def test_the_reaper_takes_what_is_over_and_not_busy() -> None:
    sessions, handles, clock = _sessions()
    busy = sessions.take(_call(session_id="busy", session_timeout=1.0))
    sessions.give_back(sessions.take(_call(session_id="short", session_timeout=10.0)))
    sessions.give_back(sessions.take(_call(session_id="long", session_timeout=100.0)))
    clock.now = 10.0
    sessions.reap()
    assert [handle.closed for handle in handles] == [False, True, False]
    sessions.give_back(busy)
    clock.now = 200.0
    sessions.reap()
    assert (len(sessions), all(handle.closed for handle in handles)) == (0, True)


def test_a_reaped_session_starts_anew() -> None:
    sessions, handles, clock = _sessions()
    sessions.give_back(sessions.take(_call(session_timeout=1.0)))
    clock.now = 2.0
    sessions.reap()
    sessions.take(_call())
    assert len(handles) == 2


def test_the_same_settings_cost_nothing_the_second_time() -> None:
    sessions, handles, _ = _sessions()
    session = sessions.take(_call())
    session.lay({"a": "1", "b": "2"}, "")
    before = len(handles[0].said)
    session.lay({"a": "1", "b": "2"}, "")
    assert len(handles[0].said) == before


def test_settings_are_taken_off_down_to_what_was_beneath() -> None:
    sessions, handles, _ = _sessions()
    handles_settings = {"kept": "5"}
    session = sessions.take(_call())
    handles[0].settings.update(handles_settings)
    session.lay({"kept": "6", "new": "7"}, "")
    assert handles[0].settings == {"kept": "6", "new": "7"}
    session.lay({"new": "8"}, "")
    assert handles[0].settings == {"kept": "5", "new": "8"}
    session.lay({}, "")
    assert handles[0].settings == {"kept": "5"}


def test_a_database_is_taken_off_as_well() -> None:
    sessions, handles, _ = _sessions()
    session = sessions.take(_call())
    session.lay({}, "other")
    session.lay({}, "third")
    session.lay({}, "")
    used = [sql for sql in handles[0].said if sql.startswith("USE")]
    assert used == ["USE `other`", "USE `third`", "USE `own`"]
