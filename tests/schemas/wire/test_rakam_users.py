"""Calls that change users, and the one form in which every change is kept."""

from typing import Any

import pytest

from schemas.errors import Malformed
from schemas.events import Event
from schemas.wire import rakam
from schemas.wire.rakam.changes import said
from tests.schemas.wire.feeding import RECEIVED_AT, Fed, feed, post

API = {"api": {"api_key": "WK"}}


def call(path: str, body: dict[str, Any], **headers: str) -> Fed:
    return feed(rakam, post(rakam, f"/user/{path}", API | body, headers))


def identify(**operations: Any) -> Fed:
    properties = {f"${name}": value for name, value in operations.items()}
    event = {"collection": "$identify", "properties": {"_user": "u1", **properties}}
    return feed(rakam, post(rakam, "/event/collect", API | event))


SET = {"first_name": "Ann", "_id": 7}
SAME: list[tuple[str, Any, Any, Any]] = [
    ("set_properties", {"properties": {"firstName": "Ann", "id": 7}}, "set", {"$set": SET}),
    (
        "set_properties_once",
        {"properties": {"firstName": "Ann", "id": 7}},
        "setOnce",
        {"$set_once": SET},
    ),
    ("increment_property", {"property": "aB", "value": 2.5}, "add", {"$increment": {"a_b": 2.5}}),
    ("unset_properties", {"properties": ["aB", "id"]}, "unset", {"$unset": ["a_b", "_id"]}),
]


@pytest.mark.parametrize(("path", "body", "operation", "expected"), SAME)
def test_a_call_and_a_tracker_come_to_the_same(
    path: str, body: Any, operation: str, expected: Any
) -> None:
    fed = call(path, {"id": "u1", **body})
    values = next(iter(expected.values()))
    properties = values if isinstance(values, dict) else {}
    assert fed.event == Event(
        "identify",
        path,
        user_id="u1",
        properties=properties,
        context=expected,
        changes=said(expected),
    )
    sent = body.get("properties", {"aB": 2.5})
    if operation == "unset":
        sent = dict.fromkeys(sent, "-")
    tracked = identify(**{operation: sent}).event
    assert (tracked.kind, tracked.context) == ("identify", expected)
    assert tracked.changes == said(expected)


def test_lists_and_everything_at_once() -> None:
    event = identify(append={"a": 1}, prepend={"b": [2]}, clearAll="-", set={}, unset=None).event
    assert event.context == {"$append": {"a": 1}, "$prepend": {"b": [2]}, "$clear": True}


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ({"set": 5}, "dict-type"),
        ({"set": {"名": 1}}, "name-invalid"),
        ({"add": {"a": "1"}}, "property-invalid"),
        ({"add": {"a": True}}, "property-invalid"),
        ({"unset": "a"}, "property-invalid"),
    ],
)
def test_operations_that_cannot_be(operations: Any, code: str) -> None:
    (dead,) = identify(**operations).decoded
    assert isinstance(dead, Malformed)
    assert dead.code == code


def test_a_batch_of_one_user() -> None:
    steps = {
        "set_properties": {"a": 1},
        "set_properties_once": {"a": 2, "b": 2},
        "increment_properties": {"c": 3},
        "unset_properties": ["d"],
        "time": "2026-11-20T17:48:20Z",
    }
    fed = call("batch", {"id": 7, "data": [steps, {}, 5, {"time": "soon"}]})
    first, nothing, *dead = fed.decoded
    assert first == Event(
        "identify",
        "user_batch",
        event_time=1_795_196_900_000,
        user_id="7",
        properties={"a": 1, "b": 2, "c": 3},
        context={
            "$set": {"a": 1},
            "$set_once": {"a": 2, "b": 2},
            "$increment": {"c": 3},
            "$unset": ["d"],
        },
        changes={
            "set": {"a": 1},
            "set_once": {"a": 2, "b": 2},
            "increment": {"c": 3},
            "unset": ["d"],
        },
    )
    assert nothing == Event("identify", "user_batch", user_id="7")
    assert [each.code for each in dead if isinstance(each, Malformed)] == [
        "dict-type",
        "property-invalid",
    ]
    assert {raw.visitor for raw in fed.raws[:2]} == {"7"}
    assert fed.reply.body == b"1"


def test_operations_on_many_users() -> None:
    own = {"id": "b", "api": {"api_key": "OTHER"}, "unset_properties": ["x"]}
    fed = call("batch_operations", {"data": [{"id": "a", "set_properties": {"x": 1}}, own, [], {}]})
    assert fed.claim.needs == "master"
    assert [raw.visitor for raw in fed.raws[:2]] == ["a", "b"]
    first, second, *dead = fed.decoded
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert (first.context, second.context) == ({"$set": {"x": 1}}, {"$unset": ["x"]})
    assert [each.code for each in dead if isinstance(each, Malformed)] == ["dict-type", "missing"]
    assert "OTHER" not in str(fed.raws)


def test_created_users() -> None:
    alone = call("create", {"user": "u1", "properties": {"a": 1}}).event
    assert (alone.user_id, alone.context) == ("u1", {"$set": {"a": 1}})
    users = {"users": [{"id": "u1", "properties": {"a": 1}}, {"id": "u2"}]}
    fed = feed(rakam, post(rakam, "/user/batch/create", users, {"write_key": "WK"}))
    assert [event.context for event in fed.events] == [{"$set": {"a": 1}}, {}]
    assert fed.claim.credential == "WK"


def test_a_merge() -> None:
    body = {"id": "u1", "anonymous_id": 5, "created_at": None, "merged_at": RECEIVED_AT}
    fed = call("merge", body)
    assert fed.event == Event(
        "alias",
        "user_merge",
        event_time=RECEIVED_AT,
        user_id="u1",
        anonymous_id="5",
        properties={"merged_at": RECEIVED_AT},
    )
    assert fed.raws[0].visitor == "u1"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("merge", {"id": "u1"}, "missing"),
        ("merge", {"id": "u1", "anonymous_id": ""}, "missing"),
        ("merge", {"anonymous_id": "a"}, "missing"),
        ("merge", {"id": "u1", "anonymous_id": "a", "created_at": "soon"}, "property-invalid"),
        ("increment_property", {"id": "u1", "property": 5, "value": 1}, "property-invalid"),
        ("increment_property", {"id": "u1", "property": "a"}, "missing"),
        ("increment_property", {"id": "u1", "property": "a", "value": None}, "property-invalid"),
        ("unset_properties", {"id": "u1"}, "property-invalid"),
        ("create", {"properties": {}}, "missing"),
        ("batch", {"data": []}, "missing"),
        ("batch", {"id": "u1", "data": {}}, "list-type"),
        ("batch_operations", {}, "missing"),
    ],
)
def test_calls_that_cannot_be(path: str, body: dict[str, Any], code: str) -> None:
    fed = call(path, body)
    assert (fed.reply.status, fed.code) == (400, code)


def test_api_twice() -> None:
    for path, rest in (("set_properties", '"id": "u"'), ("create", '"id": "u"')):
        text = '{"api": {"api_key": "a"}, %s, "properties": {"api": 1}, "api": {"api_key": "b"}}'
        fed = feed(rakam, post(rakam, f"/user/{path}", (text % rest).encode()))
        assert fed.answer["error"] == "api is given twice"
    once = b'{"properties": {"api": {"api": 1}, "x": "api"}, "id": 1, "api": {"api_key": "a"}}'
    assert feed(rakam, post(rakam, "/user/set_properties", once)).error is None


def test_numbers_are_answered_with_success_and_the_rest_with_1() -> None:
    body = {"id": "u1", "property": "a", "value": 1}
    assert call("increment_property", body).answer == {"success": True}
    assert call("unset_properties", {"id": "u1", "properties": []}).reply.body == b"1"
