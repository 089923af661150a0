"""``/api/tasks``: requests -> commands, results -> answers; and the events that scripts emit."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.commands import Command
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import Event
from schemas.task_commands import (
    ChangeTask,
    CreateTask,
    DeleteTask,
    ForgetState,
    Kept,
    ListTasks,
    ListTemplates,
    Parameter,
    RunTask,
    ShowTask,
    StopRun,
    Template,
)
from schemas.task_runs import Result, Runs
from schemas.tasks import Task
from schemas.vendor import Claim, Request
from schemas.wire import tasks
from schemas.wire.tasks.event import checked, draft
from tests.schemas.test_envelope import RAW
from tests.schemas.wire.feeding import IP, RECEIVED_AT

CLAIM = Claim("admin", "hra_x")
TASK = Task(
    "orders",
    "shop",
    "function run() {}",
    every=60,
    secrets={"token": "s1.sealed"},
    created_at=RECEIVED_AT,
)
RESULT = Result(RECEIVED_AT, RECEIVED_AT, RECEIVED_AT, "failed", 2, "script-error", "x", "at run")
RUNS = Runs(epoch=1, failures=1, state={"a": 1}, log=("line",), results=(RESULT,))
KEPT = Kept(TASK, RUNS, RECEIVED_AT)
TIME = "2026-11-20T17:48:20.000Z"


def ask(endpoint: str, method: str, body: Any = b"") -> Request:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(endpoint, method, {"task_id": "orders"}, {}, {}, sent, IP, RECEIVED_AT)


@pytest.mark.parametrize(
    ("endpoint", "method", "body", "command"),
    [
        ("tasks", "GET", b"", ListTasks()),
        ("tasks", "POST", {"id": "a"}, CreateTask({"id": "a"})),
        ("task", "GET", b"", ShowTask("orders")),
        ("task", "PATCH", {"every": 9}, ChangeTask("orders", {"every": 9})),
        ("task", "DELETE", b"", DeleteTask("orders")),
        ("run", "POST", b"", RunTask("orders")),
        ("test", "POST", b"anything", RunTask("orders", dry=True)),
        ("stop", "POST", b"", StopRun("orders")),
        ("log", "GET", b"", ShowTask("orders")),
        ("state", "DELETE", b"", ForgetState("orders")),
        ("templates", "GET", b"", ListTemplates()),
    ],
)
def test_requests_are_commands(endpoint: str, method: str, body: Any, command: Command) -> None:
    assert tasks.command(CLAIM, ask(endpoint, method, body), None) == command


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"7"])
def test_a_body_is_an_object(body: bytes) -> None:
    for endpoint, method in (("tasks", "POST"), ("task", "PATCH")):
        with pytest.raises(Malformed):
            tasks.command(CLAIM, ask(endpoint, method, body), None)


def test_every_route_is_asked_for() -> None:
    asked = {(route.endpoint, method) for route in tasks.ROUTES for method in route.methods}
    assert len(asked) == 11
    assert all(route.purpose == "call" for route in tasks.ROUTES)


def test_a_task_is_worded_without_its_secrets() -> None:
    reply = tasks.answer(KEPT, CLAIM, ask("task", "GET"))
    shown = json.loads(reply.body)
    assert reply.status == 200
    assert b"sealed" not in reply.body
    assert (shown["secrets"], shown["status"], shown["next_at"]) == (["token"], "failing", TIME)
    assert (shown["state"], shown["failures"]) == ({"a": 1}, 1)
    assert shown["last"]["code"] == "script-error"
    assert (shown["created_at"], shown["updated_at"], shown["running_since"]) == (TIME, None, None)
    assert "since" not in shown


@pytest.mark.parametrize(
    ("runs", "enabled", "status"),
    [
        (Runs(), True, "waiting"),
        (Runs(), False, "disabled"),
        (Runs(failures=1), True, "failing"),
        (Runs(asked_at=1), False, "asked"),
        (Runs(asked_at=1, worker="w"), True, "running"),
    ],
)
def test_the_status_says_how_it_goes(runs: Runs, enabled: bool, status: str) -> None:
    kept = Kept(replace(TASK, enabled=enabled), runs)
    assert json.loads(tasks.answer(kept, CLAIM, ask("task", "GET")).body)["status"] == status


def test_answers_have_their_status() -> None:
    made = tasks.answer(KEPT, CLAIM, ask("tasks", "POST"))
    assert (made.status, made.headers) == (201, (("Location", "/api/tasks/orders"),))
    assert tasks.answer(KEPT, CLAIM, ask("run", "POST")).status == 202
    assert tasks.answer(KEPT, CLAIM, ask("test", "POST")).status == 202
    assert tasks.answer(KEPT, CLAIM, ask("state", "DELETE")).status == 200
    assert tasks.answer(None, CLAIM, ask("task", "DELETE")).status == 204
    listed = json.loads(tasks.answer((KEPT,), CLAIM, ask("tasks", "GET")).body)
    assert [each["id"] for each in listed["tasks"]] == ["orders"]
    logged = json.loads(tasks.answer(KEPT, CLAIM, ask("log", "GET")).body)
    assert (logged["log"], logged["runs"][0]["started_at"]) == (["line"], TIME)


def test_templates_are_worded() -> None:
    template = Template("csv", "Rows.", (Parameter("url", "Where.", required=True),), "x")
    listed = json.loads(tasks.answer((template,), CLAIM, ask("templates", "GET")).body)
    parameter = {"name": "url", "description": "Where.", "required": True, "secret": False}
    assert listed == {
        "templates": [{"name": "csv", "description": "Rows.", "parameters": [parameter]}]
    }


def raw(body: Any, batch: Any = None) -> RawEvent:
    return replace(RAW, protocol="task", body=body, batch=batch)


def event(body: Any, batch: Any = None) -> Event:
    return tasks.decode(raw(body, batch))


def test_an_event_is_understood() -> None:
    found = event(
        {
            "name": "order_placed",
            "time": "2026-01-02",
            "user_id": 7,
            "properties": {"price": 9.5},
            "context": {"page": {"url": "https://a.example/x?utm_source=mail"}},
        }
    )
    assert (found.kind, found.event_type, found.user_id) == ("track", "order_placed", "7")
    assert (found.event_time, found.recorded, found.profiled) == (1_767_312_000_000, True, True)
    assert found.properties == {"price": 9.5}
    assert found.details["utm_source"] == "mail"
    assert found.details["page_path"] == "/x"


def test_an_event_of_nobody_has_no_profile_and_the_time_of_its_run() -> None:
    found = event({"collection": "rate"}, {"scheduled_at": RECEIVED_AT})
    assert (found.event_type, found.profiled, found.event_time) == ("rate", False, RECEIVED_AT)
    assert event({"name": "rate"}).event_time is None
    assert event({"name": "rate"}, {"scheduled_at": -1}).event_time is None


def test_an_identify_tells_traits() -> None:
    found = event({"type": "identify", "user_id": "u", "traits": {"plan": "pro"}})
    assert (found.event_type, found.changes) == ("identify", {"set": {"plan": "pro"}})
    assert event({"type": "alias", "user_id": "u", "previous_id": "v"}).previous_id == "v"


@pytest.mark.parametrize(
    ("given", "code", "where"),
    [
        ("a", "dict-type", ()),
        ({}, "missing", ("name",)),
        ({"name": " "}, "missing", ("name",)),
        ({"name": 7}, "string-type", ("name",)),
        ({"name": "x" * 257}, "string-too-long", ("name",)),
        ({"name": "a", "type": "click"}, "value-error", ("type",)),
        ({"name": "a", "price": 1}, "value-error", ("price",)),
        ({"name": "a", "user_id": []}, "value-error", ("user_id",)),
        ({"name": "a", "id": "x" * 1025}, "value-error", ("id",)),
        ({"name": "a", "properties": []}, "dict-type", ("properties",)),
        ({"name": "a", "time": "soon"}, "time-invalid", ("time",)),
        ({"name": "a", "time": True}, "time-invalid", ("time",)),
        ({"name": "a", "time": 5e12}, "time-invalid", ("time",)),
    ],
)
def test_what_is_no_event_is_told(given: Any, code: str, where: tuple[str, ...]) -> None:
    with pytest.raises(Malformed) as caught:
        checked(given, ("events", 3))
    assert (caught.value.code, caught.value.where) == (code, ("events", 3, *where))


def test_ids_choose_the_partition_as_at_the_edge() -> None:
    for said, visitor in (
        ({"anonymous_id": "a", "user_id": "u", "session_id": "s"}, "a"),
        ({"user_id": "u", "session_id": "s"}, "u"),
        ({"session_id": "s"}, "s"),
        ({}, "row"),
        ({"id": 7}, "7"),
    ):
        made = draft(said, b"{}", "row")
        assert made.visitor == visitor
        assert made.message_id == ("7" if "id" in said else "row")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(["name", "type", "time", "id", "user_id", "properties", "traits", "x"])


@given(ANYTHING | st.dictionaries(FIELDS, ANYTHING))
def test_what_passes_at_the_script_is_understood_later(given: Any) -> None:
    try:
        line = codec.dumps(checked(given, ("events", 0)))
    except Malformed:
        return
    made = draft(codec.loads(line), line, "row")
    assert made.visitor
    event(codec.loads(line), {"scheduled_at": RECEIVED_AT})


@given(ANYTHING, ANYTHING)
def test_anything_is_an_event_or_malformed(body: Any, batch: Any) -> None:
    with contextlib.suppress(Malformed):
        event(body, batch)
