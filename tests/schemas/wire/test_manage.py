"""``/api``: requests -> commands, results -> answers."""

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.catalog import Collection
from schemas.commands import (
    AddKey,
    ChangeSource,
    Command,
    CreateSource,
    DeclareSchema,
    DeleteSource,
    Issued,
    ListSources,
    RevokeKey,
    RotateKey,
    ShowSchema,
    ShowSource,
    ShowValidations,
    StopValidating,
    Validate,
)
from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.source_keys import kept_key
from schemas.sources import Source
from schemas.validations import Validation
from schemas.vendor import Claim, Edge, Grant, Request
from schemas.wire import manage
from schemas.wire.manage.replies import worded
from tests.schemas.test_envelope import RAW
from tests.schemas.wire.feeding import IDS, IP, RECEIVED_AT, drawing

CLAIM = Claim("admin", "hra_x")
OLD = kept_key("hrw_old", "write", key_id="old", now_ms=1)
NEW = kept_key("hrq_new", "query", key_id="new", now_ms=2, customer="acme")
MONEY = Validation("orders", "money", {"required": ["price"]})
SHOP = Source("shop", name="Shop", keys=(OLD, NEW))


MONEY_AS_JSON = {"event_type": "orders", "name": "money", "schema": {"required": ["price"]}}
VALIDATION = {"event_type": "c", "name": "a", "schema": {}}


def ask(endpoint: str, method: str, body: Any = b"", **headers: str) -> Request:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = {"source_id": "shop", "key_id": "old", "name": "money", "profile_id": "anna"}
    return Request(endpoint, method, path, {}, headers, sent, IP, RECEIVED_AT)


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        ("Bearer hra_x", "hra_x"),
        ("bearer  hra_x ", "hra_x"),
        ("hra_x", ""),
        ("Basic hra_x", ""),
        ("Bearer", ""),
        ("", ""),
    ],
)
def test_the_admin_key_is_a_bearer_token(header: str, credential: str) -> None:
    claim = manage.read(ask("sources", "POST", b"{nonsense", authorization=header))
    assert (claim.by, claim.credential) == ("admin", credential)
    assert "hra_x" not in repr(claim)
    assert manage.read(ask("sources", "GET")).credential == ""


@pytest.mark.parametrize(
    ("endpoint", "method", "body", "command"),
    [
        ("sources", "GET", b"", ListSources()),
        ("sources", "POST", {"id": "shop", "x": 1}, CreateSource({"id": "shop", "x": 1})),
        (
            "sources",
            "POST",
            {"id": "shop", "write_key": "WK"},
            CreateSource({"id": "shop"}, write_key="WK"),
        ),
        ("source", "GET", b"", ShowSource("shop")),
        ("source", "PATCH", {"name": "S"}, ChangeSource("shop", {"name": "S"})),
        ("source", "DELETE", b"", DeleteSource("shop")),
        ("keys", "POST", {"type": "query"}, AddKey("shop", "query")),
        (
            "keys",
            "POST",
            {"type": "delete", "customer": "acme", "name": "n", "expires_at": 5},
            AddKey("shop", "delete", "acme", "n", 5),
        ),
        ("rotation", "POST", {}, RotateKey("shop", "write")),
        (
            "rotation",
            "POST",
            {"type": "query", "overlap": 3600, "customer": "acme"},
            RotateKey("shop", "query", 3600, "acme"),
        ),
        ("key", "DELETE", b"", RevokeKey("shop", "old")),
        ("schema", "GET", b"", ShowSchema("shop")),
        (
            "schema",
            "POST",
            {"collection": "orders", "properties": {"price": "double"}},
            DeclareSchema("shop", "orders", {"price": "double"}),
        ),
        ("schema", "POST", {"collection": "orders"}, DeclareSchema("shop", "orders", {})),
        ("validations", "GET", b"", ShowValidations("shop")),
        (
            "validations",
            "POST",
            MONEY_AS_JSON,
            Validate("shop", MONEY),
        ),
        ("validation", "DELETE", b"", StopValidating("shop", "money")),
    ],
    ids=str,
)
def test_every_request_is_a_command(
    endpoint: str, method: str, body: Any, command: Command
) -> None:
    assert manage.command(CLAIM, ask(endpoint, method, body), None) == command


def test_every_route_has_its_command() -> None:
    for route in manage.ROUTES:
        assert (route.purpose, route.max_bytes) == ("call", 1 << 20)
        for method in route.methods:
            try:
                manage.command(CLAIM, ask(route.endpoint, method), None)
            except Malformed as error:
                assert error.code == "missing"  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("endpoint", "body", "code", "words"),
    [
        ("sources", b"", "missing", "the body is empty"),
        ("sources", b"{", "json-invalid", ""),
        ("sources", b"[]", "dict-type", "JSON object"),
        ("sources", b"[" * 100_000, "json-invalid", ""),
        ("sources", {"id": "a", "x": [[[]]] * 3, "y": {"a": 1}}, "", ""),
        ("sources", {"keys": []}, "source-invalid", "write_key adopts"),
        ("sources", {"write_key": 5}, "source-invalid", "write_key must be a text"),
        ("sources", {"write_key": "k" * 1025}, "source-invalid", "more than 1024"),
        ("keys", {}, "missing", "type is missing"),
        ("keys", {"type": "admin"}, "key-invalid", "one of write, query, delete, master"),
        ("keys", {"type": ["write"]}, "key-invalid", "one of"),
        ("keys", {"type": "query", "custmer": "a"}, "key-invalid", "'custmer' is no field"),
        ("keys", {"type": "query", "customer": 5}, "key-invalid", "customer must be a text"),
        ("keys", {"type": "query", "name": "a\nb"}, "key-invalid", "control characters"),
        ("keys", {"type": "query", "expires_at": "soon"}, "key-invalid", "whole number of Unix ms"),
        ("keys", {"type": "query", "expires_at": -1}, "key-invalid", "whole number"),
        ("keys", {"type": "query", "expires_at": 1 << 62}, "key-invalid", "whole number"),
        ("rotation", {"overlap": True}, "key-invalid", "whole number of seconds"),
        ("rotation", {"overlap": 1e12}, "key-invalid", "whole number of seconds"),
        ("rotation", {"overlaps": 5}, "key-invalid", "'overlaps' is no field of a rotation"),
        ("schema", {}, "missing", "collection is missing"),
        ("schema", {"collection": 5}, "collection-invalid", "must be a text"),
        ("schema", {"collection": "c", "properties": []}, "dict-type", "properties"),
        ("schema", {"collection": "c", "fields": {}}, "collection-invalid", "'fields' is no field"),
        ("schema", {"collection": "c", "properties": {"a": 1}}, "collection-invalid", "type of"),
        ("validations", {"name": "a", "schema": {}}, "missing", "event_type is missing"),
        ("validations", {"event_type": "c", "schema": {}}, "missing", "name is missing"),
        ("validations", {"event_type": "c", "name": "a"}, "missing", "schema is missing"),
        ("validations", VALIDATION | {"event_type": " "}, "collection-invalid", "a collection's"),
        ("validations", VALIDATION | {"name": "a b"}, "validation-invalid", "letters, digits"),
        ("validations", VALIDATION | {"colour": 1}, "validation-invalid", "'colour' is no field"),
        ("validations", VALIDATION | {"schema": []}, "schema-invalid", "a JSON object"),
        ("validations", VALIDATION | {"schema": {"$ref": "x"}}, "schema-invalid", "at /$ref of"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_cannot_be_is_malformed_and_named(
    endpoint: str, body: Any, code: str, words: str
) -> None:
    if not code:
        manage.command(CLAIM, ask(endpoint, "POST", body), None)
        return
    with pytest.raises(Malformed) as caught:
        manage.command(CLAIM, ask(endpoint, "POST", body), None)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert words in caught.value.message


def test_a_created_source_shows_its_key_this_once() -> None:
    reply = manage.answer(Issued(SHOP, {"new": "hrq_new"}), CLAIM, ask("keys", "POST"))
    answer = json.loads(reply.body)
    assert reply.status == 201
    assert dict(reply.headers) == {"Location": "/api/sources/shop"}
    assert answer["id"] == "shop"
    (key,) = answer["keys"]
    assert (key["id"], key["type"], key["key"], key["customer"]) == (
        "new",
        "query",
        "hrq_new",
        "acme",
    )
    for kept in (OLD, NEW):
        assert kept.hash.encode() not in reply.body


def test_a_source_is_shown_without_hashes() -> None:
    reply = manage.answer(SHOP, CLAIM, ask("source", "GET"))
    shown = json.loads(reply.body)
    assert reply.status == 200
    assert [key["id"] for key in shown.pop("keys")] == ["old", "new"]
    whole = json.loads(json.dumps(SHOP.as_record()))
    del whole["keys"]
    assert shown == whole
    assert b"hash" not in reply.body
    listed = manage.answer((SHOP, replace(SHOP, id="app")), CLAIM, ask("sources", "GET"))
    assert [each["id"] for each in json.loads(listed.body)["sources"]] == ["shop", "app"]
    assert b"hash" not in listed.body


@pytest.mark.parametrize(
    ("result", "endpoint", "status", "answer"),
    [
        ((), "sources", 200, {"sources": []}),
        ((), "schema", 200, {"collections": []}),
        (
            (Collection("shop", "orders", {"price": "double"}),),
            "schema",
            200,
            {"collections": [{"name": "orders", "properties": {"price": "double"}}]},
        ),
        (Collection("shop", "orders"), "schema", 200, {"name": "orders", "properties": {}}),
        ((), "validations", 200, {"validations": []}),
        (
            (MONEY,),
            "validations",
            200,
            {"validations": [MONEY_AS_JSON]},
        ),
        (MONEY, "validations", 200, MONEY_AS_JSON),
    ],
    ids=str,
)
def test_results_are_worded(result: Any, endpoint: str, status: int, answer: Any) -> None:
    reply = manage.answer(result, CLAIM, ask(endpoint, "GET"))
    assert (reply.status, json.loads(reply.body)) == (status, answer)


def test_a_snippet_has_the_write_key_while_it_is_known() -> None:
    request = ask("source", "GET", host="in.example:8080")
    drawn = Issued(SHOP, {"old": "hrw_old", "new": "hrq_new"})
    loaded = json.loads(manage.answer(drawn, CLAIM, request).body)["snippet"]
    src = "//in.example:8080/headrace.js"
    assert loaded == f"<script async src='{src}' data-key='hrw_old'></script>"
    later = json.loads(manage.answer(SHOP, CLAIM, request).body)["snippet"]
    assert later == f"<script async src='{src}' data-key='WRITE-KEY'></script>"
    adopted = Issued(SHOP, {"old": "a'b<c>&"})
    assert "data-key='a&#x27;b&lt;c&gt;&amp;'" in worded(adopted, "https://in.example/")["snippet"]


@pytest.mark.parametrize("other", [{"protocol": "rakam"}, {"bridge": "webhook"}])
def test_a_source_that_pages_cannot_use_has_no_snippet(other: dict[str, Any]) -> None:
    assert "snippet" not in worded(replace(SHOP, **other), "https://in.example")


def test_what_is_gone_has_no_body() -> None:
    reply = manage.answer(None, CLAIM, ask("source", "DELETE"))
    assert (reply.status, reply.body, reply.content_type) == (204, b"", "")


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (Refused("admin-key-missing", "m"), {"WWW-Authenticate": "Bearer"}),
        (Refused("admin-key-unknown", "m"), {"WWW-Authenticate": "Bearer"}),
        (Malformed("source-unknown", "m", status=404), {}),
        (Malformed("source-exists", "m", status=409), {}),
        (Malformed("body-too-large", "m", status=413), {}),
        (Unavailable("broker-unavailable", "m"), {"Retry-After": "1"}),
        (HeadraceError("internal", "m"), {}),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_refusals_have_a_code_and_a_sentence(error: HeadraceError, headers: dict[str, str]) -> None:
    reply = manage.refuse(error, ask("sources", "GET"))
    answer = json.loads(reply.body)
    assert reply.status == error.status
    assert dict(reply.headers) == headers
    assert answer["error"]["code"] == error.code
    if error.status == 401:
        assert "HEADRACE_ADMIN_KEY" in answer["error"]["message"]
    else:
        assert answer == {"error": {"code": error.code, "message": "m"}}


def test_nothing_under_api_is_an_event() -> None:
    edge = Edge(new_id=drawing(), ids=IDS)
    with pytest.raises(Malformed, match="takes events"):
        manage.split(CLAIM, ask("sources", "POST"), Grant(SHOP), edge)
    with pytest.raises(Malformed, match="takes no events"):
        manage.decode(RAW)
