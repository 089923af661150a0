"""Calls about projects: what is asked of the desk, and how its answer is worded."""

import json
from typing import Any

import pytest

from schemas.catalog import Collection
from schemas.commands import (
    AddKey,
    Command,
    CreateSource,
    DeclareSchema,
    DeleteSource,
    Issued,
    ListSources,
    RevokeKey,
    Select,
    ShowSchema,
)
from schemas.errors import HeadraceError, Malformed, Refused
from schemas.query import Filter, Query
from schemas.sources import Key, Source, hash_key
from schemas.vendor import Claim, Grant
from schemas.wire import rakam
from schemas.wire.rakam.projects import slug
from schemas.wire.rakam.users import ENDPOINTS
from tests.schemas.wire.feeding import post

MASTER = Key("m", "master", hash_key("MK"))
WRITE = Key("w", "write", hash_key("WK"))
SHOP = Source("shop", name="My Shop", keys=(MASTER, WRITE))
SOLD = Collection("shop", "sold", {"price": "double", "tags": "array<string>"})


def claimed(path: str, body: Any, headers: dict[str, str] | None = None) -> Claim:
    return rakam.read(post(rakam, f"/project/{path}", body, headers))


def asked(path: str, body: Any, headers: dict[str, str] | None = None) -> Command:
    request = post(rakam, f"/project/{path}", body, headers)
    claim = rakam.read(request)
    return rakam.command(claim, request, Grant(SHOP) if claim.by == "key" else None)


def answered(path: str, body: Any, result: Any, headers: dict[str, str] | None = None) -> Any:
    request = post(rakam, f"/project/{path}", body, headers)
    reply = rakam.answer(result, rakam.read(request), request)
    assert reply.status == 200
    return json.loads(reply.body)


KEY = {"master_key": "MK"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "by", "needs", "command"),
    [
        (
            "create",
            {"name": "My Shop!", "lock_key": " LK "},
            {},
            ("admin", "LK"),
            "write",
            CreateSource({"id": "my_shop_", "name": "My Shop!"}, ("master", "write")),
        ),
        ("list", {"lock_key": "LK"}, {}, ("admin", "LK"), "write", ListSources()),
        ("schema", b"", KEY, ("key", "MK"), "query", ShowSchema("shop")),
        ("collection", {}, {"read_key": "QK"}, ("key", "QK"), "query", ShowSchema("shop")),
        (
            "schema/add",
            {"collection": "Sold", "fields": [{"name": "aB", "type": "MAP_DOUBLE"}]},
            KEY,
            ("key", "MK"),
            "master",
            DeclareSchema("shop", "sold", {"a_b": "map<double>"}),
        ),
        ("create-api-keys", KEY, {}, ("key", "MK"), "master", AddKey("shop", "write")),
        ("delete", b"", KEY, ("key", "MK"), "master", DeleteSource("shop")),
        ("revoke-api-keys", KEY, {}, ("key", "MK"), "master", RevokeKey("shop", "MK")),
        (
            "revoke-api-keys",
            KEY | {"project": "SHOP"},
            {},
            ("key", "MK"),
            "master",
            RevokeKey("shop", "MK"),
        ),
        (
            "check-api-keys",
            {"project": "shop", "keys": []},
            {},
            ("nothing", ""),
            "write",
            ListSources(),
        ),
    ],
)
def test_what_is_asked(
    path: str, body: Any, headers: Any, by: tuple[str, str], needs: str, command: Command
) -> None:
    claim = claimed(path, body, headers)
    assert ((claim.by, claim.credential), claim.needs) == (by, needs)
    assert asked(path, body, headers) == command


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("create", {"lock_key": "LK"}, "missing"),
        ("create", {"lock_key": "LK", "name": 5}, "name-invalid"),
        ("create", {"lock_key": "LK", "name": " _- "}, "name-invalid"),
        ("create", b"[", "json-invalid"),
        ("create", [], "dict-type"),
        ("schema/add", KEY, "collection-invalid"),
        ("schema/add", KEY | {"collection": "c"}, "missing"),
        ("schema/add", KEY | {"collection": "c", "fields": {}}, "property-invalid"),
        ("schema/add", KEY | {"collection": "c", "fields": [5]}, "property-invalid"),
        ("schema/add", KEY | {"collection": "c", "fields": [{"name": "a"}]}, "property-invalid"),
        (
            "schema/add",
            KEY | {"collection": "c", "fields": [{"name": "a", "type": "ARRAY_ARRAY_DOUBLE"}]},
            "property-invalid",
        ),
        ("revoke-api-keys", KEY | {"project": "other"}, "project-mismatch"),
        ("check-api-keys", {"project": "shop"}, "missing"),
        ("check-api-keys", {"keys": []}, "missing"),
        ("check-api-keys", {"project": 5, "keys": []}, "property-invalid"),
        ("check-api-keys", {"project": "shop", "keys": [{}] * 101}, "property-invalid"),
        ("schema", b"", "key-missing"),
        ("delete", {}, "key-missing"),
    ],
)
def test_what_cannot_be_asked(path: str, body: Any, code: str) -> None:
    with pytest.raises(HeadraceError) as caught:
        asked(path, body)
    assert caught.value.code == code


def test_a_lock_key_that_is_no_text_is_none() -> None:
    assert claimed("create", {"lock_key": 5}).credential == ""
    assert claimed("list", b"").credential == ""


def test_keys_are_told_once() -> None:
    issued = Issued(SHOP, {"m": "MK", "w": "WK"})
    body = {"name": "x", "lock_key": "LK"}
    assert answered("create", body, issued) == {"master_key": "MK", "write_key": "WK"}
    added = Issued(SHOP, {"w": "NEW"})  # whose other key is kept to itself
    assert answered("create-api-keys", KEY, added) == {"master_key": "MK", "write_key": "NEW"}


def test_schemas_are_spelled_as_rakam_does() -> None:
    fields = [{"name": "price", "type": "DOUBLE"}, {"name": "tags", "type": "ARRAY_STRING"}]
    other = Collection("shop", "seen")
    assert answered("schema", KEY, (SOLD, other)) == [
        {"name": "sold", "fields": fields},
        {"name": "seen", "fields": []},
    ]
    assert answered("schema", KEY | {"names": ["seen"]}, (SOLD, other)) == [
        {"name": "seen", "fields": []}
    ]
    assert answered("schema/add", KEY, SOLD) == fields
    assert answered("collection", KEY, (SOLD, other)) == ["sold", "seen"]


def test_the_rest_says_success() -> None:
    assert answered("delete", KEY, None) == {"success": True}
    assert answered("revoke-api-keys", KEY, SHOP) == {"success": True}
    assert answered("list", {"lock_key": "LK"}, (SHOP, Source("other"))) == ["shop", "other"]


@pytest.mark.parametrize("project", ["shop", " My Shop ", "my shop"])
def test_keys_are_checked(project: str) -> None:
    keys = [
        {"master_key": "MK", "write_key": " WK "},
        {"write_key": "WK", "read_key": None},
        {"write_key": "MK"},
        {"master_key": "MK", "write_key": "nobody"},
        {"write_key": 5},
        {},
        "MK",
    ]
    body = {"project": project, "keys": keys}
    others = (SHOP, Source("other"))
    assert answered("check-api-keys", body, others) == [True, True, *[False] * 5]
    assert answered("check-api-keys", body, others[1:]) == [False] * 7


def test_a_users_events() -> None:
    def query(limit: int, until: int | None = None) -> Select:
        filters = (
            Filter("user_id", "equals", ("7",)),
            Filter("event_type", "not-in", (*sorted(ENDPOINTS), "$identify", "$$user")),
        )
        return Select("shop", Query(until=until, filters=filters, limit=limit), customer="acme")

    grant = Grant(SHOP, Key("q", "query", "h", customer="acme"))
    for more, expected in (
        ({}, query(15)),
        ({"limit": 5000, "offset": "2026-11-20T17:48:20Z"}, query(1000, 1_795_196_900_000)),
    ):
        request = post(rakam, "/user/get_events", {"user": 7, **more}, {"read_key": "QK"})
        claim = rakam.read(request)
        assert (claim.credential, claim.needs) == ("QK", "query")
        assert rakam.command(claim, request, grant) == expected
    rows = [{"event_type": "sold", "event_time": 1_795_196_900_000, "properties": {"a": 1}}]
    assert json.loads(rakam.answer(rows, claim, request).body) == [
        {
            "collection": "sold",
            "properties": {"a": 1, "_time": "2026-11-20T17:48:20.000Z", "_user": "7"},
        }
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing"),
        ({"id": []}, "property-invalid"),
        ({"id": "u1", "limit": 0}, "property-invalid"),
        ({"id": "u1", "limit": "5"}, "property-invalid"),
        ({"id": "u1", "offset": "soon"}, "property-invalid"),
    ],
)
def test_a_users_events_that_cannot_be_asked(body: dict[str, Any], code: str) -> None:
    request = post(rakam, "/user/get_events", {"api": {"api_key": "QK"}, **body})
    with pytest.raises(Malformed) as caught:
        rakam.command(rakam.read(request), request, Grant(SHOP))
    assert caught.value.code == code


def test_a_customers_master_key_is_no_projects() -> None:
    request = post(rakam, "/project/delete", {}, KEY)
    grant = Grant(SHOP, Key("m", "master", "h", customer="acme"))
    with pytest.raises(Malformed) as caught:
        rakam.command(rakam.read(request), request, grant)
    assert caught.value.code == "key-scoped"


def test_ids_of_projects() -> None:
    assert slug("My Shop & Co.") == "my_shop_co_"
    assert slug("É-" + "x" * 80) == "x" * 63


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Refused("admin-key-unknown", "m"), 403, "Lock key is invalid"),
        (Refused("admin-key-missing", "m"), 403, "Lock key is invalid"),
        (Malformed("source-exists", "m", status=409), 400, "Project already exists"),
        (Malformed("source-unknown", "m", status=404), 400, "m"),
        (Malformed("schema-conflict", "m", status=409), 400, "m"),
        (Malformed("schema-frozen", "m"), 400, "Schema is invalid: m"),
        (Malformed("schema-frozen", "Schema is invalid: m"), 400, "Schema is invalid: m"),
        (Refused("too-many-requests", "m", status=429), 429, "m"),
    ],
)
def test_refusals_have_rakams_words(error: HeadraceError, status: int, words: str) -> None:
    reply = rakam.refuse(error, post(rakam, "/project/create", {}))
    assert (reply.status, json.loads(reply.body)["error"]) == (status, words)
