"""``POST /api/sources/{id}/links``: requests -> what is to be made, and the answer."""

import json
from typing import Any

import pytest

from schemas.errors import Malformed
from schemas.signed import Link, MadeLink, MakeLinks
from schemas.vendor import Claim, Request
from schemas.wire import manage
from schemas.wire.manage.linking import MAX_RECIPIENTS
from tests.schemas.wire.feeding import IP, RECEIVED_AT

CLAIM = Claim("admin", "hra_x")
SALE = {"to": "https://s.example/", "campaign": "summer"}
MADE = (MadeLink("ann", "/l/shop/a.b", "/o/shop/a.b.gif"),)


def ask(body: Any, headers: dict[str, str] | None = None) -> Request:
    sent = json.dumps(body).encode()
    path = {"source_id": "shop"}
    return Request("links", "POST", path, {}, headers or {}, sent, IP, RECEIVED_AT)


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ({}, MakeLinks("shop", (Link(),))),
        (
            {
                **SALE,
                "recipient": "ann",
                "event_type": "e",
                "open_type": "o",
                "properties": {"a": 1},
                "expires_at": 2000.0,
            },
            MakeLinks(
                "shop",
                (Link("https://s.example/", "summer", "ann", "e", {"a": 1}, 2000),),
                "o",
            ),
        ),
        (
            {**SALE, "recipients": ["ann", "bob"]},
            MakeLinks(
                "shop",
                tuple(Link("https://s.example/", "summer", each) for each in ("ann", "bob")),
            ),
        ),
        (
            {"recipient": "ann", "recipients": ["bob"]},
            MakeLinks("shop", (Link(recipient="ann"), Link(recipient="bob"))),
        ),
    ],
)
def test_what_is_asked_for(body: Any, command: MakeLinks) -> None:
    assert manage.command(CLAIM, ask(body), None) == command


@pytest.mark.parametrize(
    "body",
    [
        {"target": "https://s.example/"},
        {"to": 5},
        {"to": "s.example"},
        {"recipients": []},
        {"recipients": "ann"},
        {"recipients": [5]},
        {"recipients": ["a"] * (MAX_RECIPIENTS + 1)},
        {"properties": []},
        {"expires_at": "soon"},
        {"expires_at": -1},
        {"campaign": "a\nb"},
    ],
)
def test_what_no_link_can_be(body: Any) -> None:
    with pytest.raises(Malformed) as caught:
        manage.command(CLAIM, ask(body), None)
    assert (caught.value.code, caught.value.status) == ("link-invalid", 400)


@pytest.mark.parametrize(
    ("headers", "begin"),
    [
        ({}, ""),
        ({"host": "in.example"}, "http://in.example"),
        ({"host": "in.example", "x-forwarded-proto": "https"}, "https://in.example"),
    ],
)
def test_links_begin_where_the_caller_found_the_ingest(headers: dict[str, str], begin: str) -> None:
    reply = manage.answer(MADE, CLAIM, ask({}, headers))
    (made,) = json.loads(reply.body)["links"]
    assert made == {
        "recipient": "ann",
        "link": f"{begin}/l/shop/a.b",
        "pixel": f"{begin}/o/shop/a.b.gif",
    }


def test_links_that_begin_where_a_setting_says_stay_as_they_are() -> None:
    made = (MadeLink("ann", "", "https://mail.example/o/shop/a.b.gif"),)
    reply = manage.answer(made, CLAIM, ask({}, {"host": "in.example"}))
    assert json.loads(reply.body)["links"][0] == {
        "recipient": "ann",
        "link": "",
        "pixel": "https://mail.example/o/shop/a.b.gif",
    }
