"""What migration scripts ask of Tracardi: tokens and event sources."""

import json
from typing import Any

import pytest

from schemas.commands import Command, DeleteSource, ListSources, Nothing, SaveSource, ShowSource
from schemas.errors import Malformed, Refused
from schemas.sources import Source, from_record
from schemas.vendor import Request
from schemas.wire import tracardi
from tests.schemas.wire.feeding import post

BEARER = {"authorization": "Bearer AK"}
RECORD = {
    "id": "My-Shop",
    "name": "My shop",
    "type": ["rest"],
    "bridge": {"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST"},
    "timestamp": "2026-01-01T00:00:00",
    "tags": ["x"],
}
FORM = (
    b'--X\r\ncontent-disposition: form-data; name="username"\r\n\r\na\r\n'
    b'--X\r\ncontent-disposition: form-data; name="password"\r\n\r\nAK\r\n--X--'
)
SHOP = Source("my-shop", "My shop")
HOOK = Source("hook", "Forms", bridge="webhook", channel="web", replace_profile_id="a.b")


def ask(path: str, method: str = "GET", body: Any = b"", **params: str) -> Request:
    return post(tracardi, path, body, BEARER, None, method, **params)


def command(request: Request) -> Command:
    return tracardi.command(tracardi.read(request), request, None)


def answer(result: Any, request: Request) -> Any:
    reply = tracardi.answer(result, tracardi.read(request), request)
    assert reply.status == 200
    assert ("X-Process-Time", "") in reply.headers
    return json.loads(reply.body)


def refused(request: Request) -> dict[str, Any]:
    with pytest.raises(Malformed) as caught:
        command(request)
    reply = tracardi.refuse(caught.value, request)
    assert reply.status == 422
    (detail,) = json.loads(reply.body)["detail"]
    return dict(detail)


def test_health_is_asked_by_anybody() -> None:
    request = post(tracardi, "/healthcheck", b"", method="GET")
    assert tracardi.read(request).by == "nothing"
    assert command(request) == Nothing()
    assert answer(None, request) == ""


@pytest.mark.parametrize(
    ("body", "label"),
    [
        (b"grant_type=password&username=admin&password=AK", "application/x-www-form-urlencoded"),
        (b"username=a&password=AK", ""),
        (
            FORM,
            "multipart/form-data; boundary=X",
        ),
    ],
)
def test_a_token_is_the_admin_key(body: bytes, label: str) -> None:
    request = post(tracardi, "/user/token", body, {"content-type": label})
    claim = tracardi.read(request)
    assert (claim.by, claim.credential) == ("admin", "AK")
    assert command(request) == Nothing()
    reply = tracardi.answer(None, claim, request)
    assert ("Cache-Control", "no-store") in reply.headers
    assert json.loads(reply.body) == {
        "access_token": "AK",
        "token_type": "bearer",
        "roles": ["admin", "developer"],
    }


@pytest.mark.parametrize(
    ("body", "name"), [(b"", "username"), (b"username=a", "password"), (b"{}", "username")]
)
def test_a_token_needs_a_form(body: bytes, name: str) -> None:
    request = post(tracardi, "/user/token", body)
    with pytest.raises(Malformed) as caught:
        tracardi.read(request)
    reply = tracardi.refuse(caught.value, request)
    assert json.loads(reply.body)["detail"][0]["loc"] == ["body", name]


@pytest.mark.parametrize(
    ("path", "method", "code", "detail"),
    [
        ("/user/token", "POST", "admin-key-unknown", "Incorrect username or password."),
        ("/event-sources", "GET", "admin-key-unknown", "Invalid authentication credentials"),
        ("/event-sources", "GET", "admin-key-missing", "Not authenticated"),
    ],
)
def test_a_wrong_key(path: str, method: str, code: str, detail: str) -> None:
    request = post(tracardi, path, b"", method=method)
    reply = tracardi.refuse(Refused(code, "no"), request)
    assert (reply.status, json.loads(reply.body)) == (401, {"detail": detail})
    assert ("WWW-Authenticate", "Bearer") in reply.headers


@pytest.mark.parametrize(
    ("header", "credential"),
    [("Bearer AK", "AK"), ("bearer  AK ", "AK"), ("Basic AK", ""), ("AK", ""), ("", "")],
)
def test_a_bearer_token(header: str, credential: str) -> None:
    request = post(tracardi, "/event-sources", b"", {"authorization": header}, method="GET")
    claim = tracardi.read(request)
    assert (claim.by, claim.credential) == ("admin", credential)


@pytest.mark.parametrize("path", ["/event-sources", "/event-sources/by_type"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 2),
        ({"query": [""]}, 2),
        ({"query": ["FORM"]}, 1),
        ({"query": ["webhook"]}, 1),
        ({"query": ["none"]}, 0),
    ],
)
def test_sources_are_listed(path: str, query: dict[str, list[str]], found: int) -> None:
    request = post(tracardi, path, b"", BEARER, query, "GET")
    assert command(request) == ListSources()
    said = answer((SHOP, HOOK), request)
    assert said["total"] == len(said["result"]) == found
    groups = {"rest", "webhook"} if path.endswith("type") else {"general"}
    assert set(said["grouped"]) <= groups
    assert sum(map(len, said["grouped"].values())) == found


def test_names_and_types() -> None:
    names = answer((SHOP, HOOK), ask("/event-sources/entity"))
    assert names == {
        "total": 2,
        "result": [{"id": "my-shop", "name": "My shop"}, {"id": "hook", "name": "Forms"}],
    }
    kinds = answer(None, ask("/event-sources/type/name"))
    assert set(kinds["result"]) == {"rest", "webhook", "redirect"}
    configurations = answer(None, ask("/event-sources/type/configuration"))
    assert configurations["result"]["rest"]["name"] == kinds["result"]["rest"]
    assert command(ask("/event-sources/type/name")) == Nothing()


def test_one_source_is_shown_and_deleted() -> None:
    path = "/event-source/{id}"
    assert command(ask(path, id=" My-Shop ")) == ShowSource("my-shop")
    assert command(ask(path, "DELETE", id="my-shop")) == DeleteSource("my-shop")
    assert answer(None, ask(path, "DELETE", id="my-shop")) is True
    shown = answer(HOOK, ask(path, id="hook"))
    assert (shown["type"], shown["channel"], shown["enabled"]) == (["webhook"], "web", True)
    assert shown["bridge"]["id"] == "3d8bb87e-28d1-4a38-b19c-d0c1fbb71e22"
    assert shown["config"] == {
        "generate_profile": False,
        "replace_profile_id": "a.b",
        "sticky_session": True,
    }


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_absent_source_is_null(method: str) -> None:
    error = Malformed("source-unknown", "no", status=404)
    reply = tracardi.refuse(error, ask("/event-source/{id}", method, id="x"))
    assert (reply.status, reply.body) == (404, b"null")


def test_a_source_is_saved() -> None:
    request = ask("/event-source", "POST", RECORD)
    assert command(request) == SaveSource(
        {
            "id": "my-shop",
            "name": "My shop",
            "bridge": "rest",
            "channel": "",
            "description": "",
            "replace_profile_id": "",
            "enabled": True,
            "transitional": False,
            "requires_consent": False,
            "returns_profile": False,
            "static_profile_ids": False,
            "generate_profile": False,
            "sticky_session": True,
        }
    )
    assert answer(SHOP, request) == {"saved": 1, "errors": [], "ids": ["my-shop"]}


@pytest.mark.parametrize("source", [SHOP, HOOK, Source("go", "Go", bridge="redirect")])
def test_a_record_comes_back_as_it_went(source: Source) -> None:
    record = answer(source, ask("/event-source/{id}", id=source.id))
    saved = command(ask("/event-source", "POST", record))
    assert isinstance(saved, SaveSource)
    assert from_record(saved.fields) == source


def test_a_name_makes_an_id() -> None:
    saved = command(ask("/event-source", "POST", RECORD | {"id": None, "name": "Läden & Co"}))
    assert isinstance(saved, SaveSource)
    assert saved.fields["id"] == "l-den-co"


@pytest.mark.parametrize(
    ("changes", "kind", "where"),
    [
        ({"type": ["mqtt"]}, "value_error", ["body", "type", 0]),
        ({"type": ["unknown"]}, "value_error", ["body", "type", 0]),
        ({"type": [5]}, "value_error", ["body", "type", 0]),
        ({"type": ["rest", "webhook"]}, "value_error", ["body", "type"]),
        ({"type": []}, "value_error", ["body", "type"]),
        ({"type": {}}, "list_type", ["body", "type"]),
        ({"name": 5}, "string_type", ["body", "name"]),
        ({"name": "!", "id": None}, "missing", ["body", "id"]),
        ({"bridge": "rest"}, "model_attributes_type", ["body", "bridge"]),
        ({"bridge": {"id": "x"}}, "missing", ["body", "bridge", "name"]),
        ({"enabled": "yes"}, "bool_type", ["body", "enabled"]),
        ({"config": []}, "dict_type", ["body", "config"]),
        (
            {"config": {"static_profile_id": 1}},
            "bool_type",
            ["body", "config", "static_profile_id"],
        ),
        (
            {"config": {"replace_profile_id": 1}},
            "string_type",
            ["body", "config", "replace_profile_id"],
        ),
    ],
)
def test_a_record_that_cannot_be(changes: Any, kind: str, where: list[Any]) -> None:
    detail = refused(ask("/event-source", "POST", RECORD | changes))
    assert (detail["type"], detail["loc"]) == (kind, where)


@pytest.mark.parametrize("name", ["name", "type", "bridge"])
def test_a_record_needs(name: str) -> None:
    record = {key: value for key, value in RECORD.items() if key != name}
    assert refused(ask("/event-source", "POST", record))["type"] == "missing"


def test_a_type_as_a_text_is_one() -> None:
    saved = command(ask("/event-source", "POST", RECORD | {"type": "webhook"}))
    assert isinstance(saved, SaveSource)
    assert saved.fields["bridge"] == "webhook"
