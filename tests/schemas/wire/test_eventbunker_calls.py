"""EventBunker's deletion, projects and keys: what is asked, what is answered, what is refused."""

import json
from typing import Any

import pytest

from schemas.commands import AddKey, CreateSource, Erase, Issued, RevokeKey, ShowSource
from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.sources import Key, Source
from schemas.vendor import Grant
from schemas.wire import eventbunker
from tests.schemas.wire.calling import ACME, KEYS, answer, ask, refusal
from tests.schemas.wire.feeding import post


def test_deleting() -> None:
    path, body = "/v1/delete/json", {"customer_identifier": " c1 "}
    assert ask(path, body) == Erase("shop", "c1")
    assert ask(path, {}, ACME) == Erase("shop", "acme")
    assert ask(path, {"customer_identifier": "acme"}, ACME) == Erase("shop", "acme")
    assert refusal(path, {}) == ("missing", "customer_identifier is missing")
    assert refusal(path, {"customer_identifier": 5})[0] == "string-type"
    with pytest.raises(Refused):
        ask(path, body, ACME)
    assert answer(path, body, 3) == {"status": "deleted", "deleted_events": 3}


def test_a_project() -> None:
    path = "/v1/manage/project/create"
    body = {"account_id": "a", "name": " My Shop! 2 ", "description": "d"}
    request = post(eventbunker, path, body, KEYS)
    claim = eventbunker.read(request)
    assert (claim.by, claim.credential) == ("admin", "K")
    fields = {"id": "my-shop-2", "name": "My Shop! 2", "description": "d"}
    assert eventbunker.command(claim, request, None) == CreateSource(fields, keys=("master",))
    made = Issued(Source("my-shop-2", name="My Shop! 2", description="d"), {"k1": "clear"})
    assert answer(path, body, made) == {
        "project_id": "my-shop-2",
        "master_api_key": "clear",
        "name": "My Shop! 2",
        "description": "d",
        "status": "created",
    }
    assert refusal(path, {"name": "日本"})[0] == "name-invalid"
    assert refusal(path, {"name": " "})[0] == "value-error"
    assert refusal(path, {})[0] == "missing"


def test_making_a_key() -> None:
    path = "/v1/manage/key/create"
    body = {"type": "query", "customer_identifier": "c", "name": "n", "expires_at": "2027-01-01"}
    assert ask(path, body) == AddKey("shop", "query", "c", "n", 1798761600000)
    assert ask(path, {"type": "WRITE"}) == AddKey("shop", "write")
    assert ask(path, {"type": "WRITE"}, ACME) == AddKey("shop", "write", "acme")
    wrong: list[tuple[Any, str]] = [("soon", "datetime-parsing"), ([], "datetime-parsing")]
    for value, code in [*wrong, ("2020-01-01", "key-invalid"), (5, "key-invalid")]:
        assert refusal(path, {"type": "WRITE", "expires_at": value})[0] == code
    assert refusal(path, {"type": "master"})[0] == "type-invalid"
    source = Source("shop", keys=(Key("k0", "write", "h0"), Key("k1", "query", "h1", 5, 0, "c")))
    assert answer(path, body, Issued(source, {"k1": "clear"})) == {
        "status": "created",
        "api_key": "clear",
        "key_id": "k1",
        "type": "QUERY",
        "name": "",
        "customer_identifier": "c",
        "created_at": 5,
        "expires_at": None,
    }


def test_listing_and_deleting_keys() -> None:
    source = Source("shop", keys=(Key("k0", "write", "h0"), Key("k1", "query", "h1", customer="c")))
    grant = Grant(source, Key("k", "master", "h"))
    assert ask("/v1/manage/key/list", b"", grant) == ShowSource("shop")
    listed = answer("/v1/manage/key/list", {}, source)["keys"]
    assert [each["key_id"] for each in listed] == ["k0", "k1"]
    assert "h0" not in json.dumps(listed)
    path = "/v1/manage/key/delete"
    assert ask(path, {"key_id": "k1"}, grant) == RevokeKey("shop", "k1")
    assert answer(path, {"key_id": "k1"}, source) == {"status": "deleted", "key_id": "k1"}
    assert refusal(path, {"key_id": "k1"})[0] == "key-unknown"
    scoped = Grant(source, Key("k", "master", "h", customer="c"))
    assert ask(path, {"key_id": "k1"}, scoped) == RevokeKey("shop", "k1")
    with pytest.raises(Refused):
        ask(path, {"key_id": "k0"}, scoped)


PATHS = [
    ("/post", "Write", "write-key"),
    ("/v1/query/json", "Query", "query-key"),
    ("/v1/delete/json/", "Delete", "delete-key"),
    ("/v1/manage/project/create", "Account", "apikey"),
    ("/v1/manage/key/list", "Master", "apikey"),
]


@pytest.mark.parametrize(("path", "kind", "header"), PATHS)
def test_each_call_names_the_key_that_it_wants(path: str, kind: str, header: str) -> None:
    request = post(eventbunker, path, {})
    with pytest.raises(Refused) as caught:
        eventbunker.read(request)

    def said(error: HeadraceError) -> str:
        reply = eventbunker.refuse(error, request)
        assert reply.status == error.status
        return str(json.loads(reply.body)["error"])

    admin = "admin-" if kind == "Account" else ""
    texts = [
        said(caught.value),
        said(Refused(f"{admin}key-unknown", "m")),
        said(Refused("key-wrong-type", "m")),
        said(Refused("key-expired", "m")),
    ]
    assert texts[0] == f"{kind} key missing: send it in the header x-eventbunker-{header}."
    assert texts[1].startswith(f"{kind} key unknown")
    assert len(set(texts)) == 4
    assert said(Malformed("source-exists", "m", status=409)).startswith("A project of this name")
    assert said(Unavailable("store-unavailable", "the store cannot answer now")).startswith("the")
