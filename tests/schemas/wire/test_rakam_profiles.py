"""Rakam's users, asked for."""

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.commands import Profile, SelectProfiles
from schemas.errors import Malformed
from schemas.sources import Key, Source
from schemas.vendor import Grant, Reply, Request
from schemas.wire import rakam
from tests.schemas.wire.feeding import post

SHOP = Source("shop")
QUERY = {"read_key": "QK"}
ANN = Profile(("7", "ann"), {"plan": "pro", "visits": 3, "tags": ["x"]}, 1, 2)
BEN = Profile(("ben",), {"plan": "free", "visits": 1.5, "note": None}, 1, 2)


def told(path: str, body: dict[str, Any]) -> Request:
    if path == "/user/metadata":
        return replace(post(rakam, "/user/get", {}, QUERY), endpoint="user_metadata", method="GET")
    return post(rakam, path, body, QUERY)


def asked(path: str, body: dict[str, Any], grant: Grant | None = None) -> Any:
    request = told(path, body)
    claim = rakam.read(request)
    assert (claim.credential, claim.needs) == ("QK", "query")
    return rakam.command(claim, request, grant or Grant(SHOP))


def answered(path: str, body: dict[str, Any], *found: Profile) -> Any:
    request = told(path, body)
    reply: Reply = rakam.answer(list(found), rakam.read(request), request)
    assert reply.status == 200
    return json.loads(reply.body)


@pytest.mark.parametrize(
    ("path", "body", "command"),
    [
        ("/user/get", {"user": 7}, SelectProfiles("shop", user="7", limit=1)),
        ("/user/metadata", {}, SelectProfiles("shop", limit=1_000)),
        ("/user/search", {}, SelectProfiles("shop")),
        (
            "/user/search",
            {"limit": 90_000, "offset": "20", "filter": "", "event_filters": []},
            SelectProfiles("shop", limit=5_000, offset=20),
        ),
        (
            "/user/search",
            {"sorting": {"column": "visits", "order": "DESC"}, "columns": ["visits"]},
            SelectProfiles("shop", order="visits", descending=True),
        ),
    ],
)
def test_what_is_asked(path: str, body: dict[str, Any], command: SelectProfiles) -> None:
    assert asked(path, body) == command


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/user/get", {}, "missing"),
        ("/user/search", {"filter": "1=1"}, "filter-unspoken"),
        ("/user/search", {"event_filters": [{}]}, "filter-unspoken"),
        ("/user/search", {"event_filters": {}}, "filter-unspoken"),
        ("/user/search", {"columns": "a"}, "property-invalid"),
        ("/user/search", {"sorting": {"column": "a", "order": "up"}}, "property-invalid"),
        ("/user/search", {"sorting": ["a"]}, "property-invalid"),
        ("/user/search", {"limit": 0}, "property-invalid"),
        ("/user/search", {"offset": -1}, "property-invalid"),
    ],
)
def test_what_cannot_be_asked(path: str, body: dict[str, Any], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        asked(path, body)
    assert caught.value.code == code


def test_a_customers_key_sees_no_users() -> None:
    with pytest.raises(Malformed) as caught:
        asked("/user/search", {}, Grant(SHOP, Key("q", "query", "h", customer="acme")))
    assert caught.value.code == "key-scoped"


def test_a_user() -> None:
    assert answered("/user/get", {"user": "ann"}, ANN) == {"id": "ann", "properties": ANN.traits}
    with pytest.raises(Malformed) as caught:
        answered("/user/get", {"user": "ann"})
    assert caught.value.code == "user-unknown"


def test_users_as_rows() -> None:
    found = answered("/user/search", {"columns": ["visits", "id", "none"]}, ANN, BEN)
    assert found["metadata"] == [
        {"name": "id", "type": "STRING"},
        {"name": "visits", "type": "DOUBLE"},
        {"name": "none", "type": "STRING"},
    ]
    assert found["result"] == [["7", 3, None], ["ben", 1.5, None]]
    names = [each["name"] for each in answered("/user/search", {}, ANN, BEN)["metadata"]]
    assert names == ["id", "plan", "tags", "visits"]


def test_the_columns_of_users() -> None:
    odd = Profile(("o",), {"plan": 7}, 1, 2)
    assert answered("/user/metadata", {}, BEN, ANN, odd) == {
        "columns": [
            {"name": "plan", "type": "JSON"},
            {"name": "tags", "type": "ARRAY_STRING"},
            {"name": "visits", "type": "DOUBLE"},
        ],
        "identifierColumn": "id",
    }
