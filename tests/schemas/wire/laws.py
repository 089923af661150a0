"""What the laws over all vendors share: every route, and a request for it."""

import json
import re

import pytest

from schemas.sources import Redirect
from schemas.vendor import Reply, Request, Route, Vendor
from schemas.wire import VENDORS
from tests.schemas.wire.feeding import IP, RECEIVED_AT

EVERY = [
    (each, route, method)
    for each in VENDORS
    for route in each.ROUTES
    for method in route.methods
    if not route.path.endswith("/")
]
COLLECTING = [each for each in EVERY if each[1].purpose == "collect"]
CALLING = [each for each in EVERY if each[1].purpose == "call"]
HEADERS = {
    "authorization": "Bearer WK",
    **dict.fromkeys(
        [f"x-eventbunker-{name}" for name in ("write-key", "query-key", "delete-key", "apikey")],
        "WK",
    ),
}
LINK = Redirect(
    "go",
    "https://s.example/",
    "visit",
    props={"a": "payload@params.a", "b": ["payload@body.a.b.0"]},
)


def each_of(entries: list[tuple[Vendor, Route, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("vendor_module", "route", "method"),
        entries,
        ids=[f"{module.NAME} {method} {route.path}" for module, route, method in entries],
    )


def request_of(
    route: Route,
    body: bytes,
    headers: dict[str, str] | None = None,
    method: str = "POST",
    query: dict[str, list[str]] | None = None,
) -> Request:
    path = dict.fromkeys(re.findall(r"\{(\w+)\}", route.path), "shop")
    all_headers = HEADERS | (headers or {})
    return Request(route.endpoint, method, path, query or {}, all_headers, body, IP, RECEIVED_AT)


def check_shape(vendor_module: Vendor, reply: Reply) -> None:
    if reply.status == 307:
        assert (reply.body, dict(reply.headers)["Location"]) == (b"", LINK.url)
        return
    if reply.content_type == "image/gif":
        assert (reply.status, reply.body[:3]) == (200, b"GIF"), "a picture whatever happens"
        return
    answer = json.loads(reply.body)
    if reply.status == 200:
        assert answer in (1, {"success": True}) or vendor_module.NAME != "rakam"
        return
    keys = {
        "tracardi": {"detail"},
        "rakam": {"errors", "meta", "error", "error_code"},
        "filum": {"statusCode", "code", "error", "message", "error_code"},
        "eventbunker": {"error", "code", "status"},
        "own": {"error"},
        "cloudevents": {"error"},
        "links": {"error"},
        "import": {"error"},
        "headrace": {"error"},
        "queries": {"error"},
        "webhooks": {"error"},
        "task": {"error"},
    }
    assert set(answer) == keys[vendor_module.NAME]
    assert 400 <= reply.status < 600
