"""Visits of links and pixels: where they lead, what is recorded, and what is not."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import Malformed, Unavailable
from schemas.signed import Link, MakeLinks, make
from schemas.sources import Source
from schemas.vendor import Request
from schemas.wire import links
from tests.schemas.test_envelope import RAW
from tests.schemas.wire.feeding import IDS, IP, RECEIVED_AT, Fed, feed

SALE = Link("https://s.example/sale?utm_source=news", "summer", "ann")
PATHS = {"click": "link", "open": "pixel"}


def visit(
    link: Link = SALE,
    kind: str = "click",
    headers: dict[str, str] | None = None,
    query: dict[str, list[str]] | None = None,
    open_type: str = "",
) -> Request:
    (made,) = make(MakeLinks("shop", (link,), open_type), IDS)
    token = getattr(made, PATHS[kind]).rpartition("/")[2].removesuffix(".gif")
    path = {"source": "shop", "token": token}
    return Request(kind, "GET", path, query or {}, headers or {}, b"", IP, RECEIVED_AT)


def headers_of(fed: Fed) -> dict[str, str]:
    return dict(fed.reply.headers)


def test_a_click_is_an_event_and_leads_to_the_target() -> None:
    fed = feed(links, visit(headers={"referer": "https://mail.example/in", "user-agent": "UA"}))
    assert (fed.reply.status, fed.reply.body) == (302, b"")
    assert headers_of(fed)["Location"] == SALE.target
    assert headers_of(fed)["Cache-Control"] == "no-store"
    event = fed.event
    assert (event.kind, event.event_type, event.user_id) == ("track", "link_clicked", "ann")
    assert event.properties == {"campaign": "summer", "target": SALE.target}
    assert event.details == {
        "utm_source": "news",
        "utm_campaign": "summer",
        "referrer": "https://mail.example/in",
        "referrer_host": "mail.example",
        "ip": IP,
        "user_agent": "UA",
    }


def test_an_opening_is_an_event_and_a_picture_that_nobody_keeps() -> None:
    fed = feed(links, visit(kind="open"))
    assert (fed.reply.status, fed.reply.content_type) == (200, "image/gif")
    assert (len(fed.reply.body), fed.reply.body[:6]) == (43, b"GIF89a")
    assert "no-store" in headers_of(fed)["Cache-Control"]
    assert (fed.event.event_type, fed.event.user_id) == ("email_opened", "ann")
    assert fed.event.properties == {"campaign": "summer"}


def test_types_and_properties_are_what_the_link_says() -> None:
    link = Link(
        "https://s.example/",
        event_type="cta",
        properties={"place": "top", "v": "payload@params.v", "s": "session@id", "no": "session@x"},
    )
    fed = feed(links, visit(link, query={"v": ["a"]}))
    session = fed.raws[0].session_id
    assert fed.event.event_type == "cta"
    assert fed.event.properties == {
        "place": "top",
        "v": "a",
        "s": session,
        "no": None,
        "target": "https://s.example/",
    }
    assert feed(links, visit(link, "open", open_type="seen")).event.event_type == "seen"


def test_a_target_that_is_not_ascii_fits_a_header() -> None:
    fed = feed(links, visit(Link("https://s.example/é?q=ü")))
    assert headers_of(fed)["Location"] == "https://s.example/%C3%A9?q=%C3%BC"


def test_the_session_is_a_cookie_of_ours() -> None:
    source = Source("shop", session_timeout=60)
    first = feed(links, visit(), source)
    session = first.raws[0].session_id
    assert IDS.is_own(session)
    cookie = f"headrace-session={session}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
    assert headers_of(first)["Set-Cookie"] == cookie
    again = feed(links, visit(headers={"cookie": f"a=b; headrace-session={session}"}))
    assert again.raws[0].session_id == session
    forged = "00000000-0000-8000-8000-000000000000"
    other = feed(links, visit(headers={"cookie": f"headrace-session={forged}"}))
    assert other.raws[0].session_id != forged


def test_over_https_the_cookie_is_secure() -> None:
    fed = feed(links, visit(headers={"x-forwarded-proto": "https"}))
    assert headers_of(fed)["Set-Cookie"].endswith("SameSite=Lax; Secure")


@pytest.mark.parametrize("signal", ["dnt", "sec-gpc"])
def test_who_wants_no_tracking_gets_no_cookie(signal: str) -> None:
    cookie = {"cookie": f"headrace-session={IDS.issue('session', 'x')}"}
    known = feed(links, visit(headers={signal: "1"} | cookie))
    assert "Set-Cookie" not in headers_of(known)
    assert (known.raws[0].session_id, known.raws[0].profile_id) == ("", "")
    anybody = Link("https://s.example/")
    (raw,) = feed(links, visit(anybody, headers={signal: "1"} | cookie)).raws
    assert raw.session_id == ""
    assert raw.profile_id == raw.visitor
    assert IDS.is_own(raw.profile_id)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "Prefetch"},
        {"x-moz": "prefetch"},
        {"x-purpose": "preview"},
    ],
)
@pytest.mark.parametrize("kind", ["click", "open"])
def test_what_is_fetched_ahead_is_nobodys_visit(kind: str, headers: dict[str, str]) -> None:
    fed = feed(links, visit(kind=kind, headers=headers))
    assert fed.raws == ()
    assert fed.reply.status in {200, 302}
    assert "Set-Cookie" not in headers_of(fed)


@pytest.mark.parametrize(
    ("agent", "proxy"),
    [
        ("Mozilla/5.0", "apple"),
        ("Mozilla/5.0 (Windows) Firefox/11.0 (via ggpht.com GoogleImageProxy)", "google"),
        ("YahooMailProxy; https://help.yahoo.com/", "yahoo"),
    ],
)
def test_pictures_that_a_mail_service_fetched_are_marked(agent: str, proxy: str) -> None:
    fed = feed(links, visit(kind="open", headers={"user-agent": agent}))
    assert fed.event.context == {"mail_proxy": proxy}


def test_an_expired_link_is_gone() -> None:
    link = Link("https://s.example/", expires_at=RECEIVED_AT)
    fed = feed(links, visit(link))
    assert (fed.code, fed.reply.status) == ("link-expired", 410)
    assert links.onward(visit(link), IDS) is None
    assert feed(links, visit(Link(SALE.target, expires_at=RECEIVED_AT + 1))).reply.status == 302


@pytest.mark.parametrize("kind", ["click", "open"])
def test_whatever_becomes_of_the_event_people_go_on(kind: str) -> None:
    reply = links.onward(visit(kind=kind), IDS)
    assert reply is not None
    assert reply.status == {"click": 302, "open": 200}[kind]
    assert all(name != "Set-Cookie" for name, _ in reply.headers)


def test_nobody_goes_on_by_a_forged_link() -> None:
    request = Request("click", "GET", {"source": "shop", "token": "e30.x"}, {}, {}, b"", IP, 0)
    assert links.onward(request, IDS) is None
    fed = feed(links, request)
    assert (fed.code, fed.reply.status) == ("link-forged", 404)
    refused = links.refuse(Unavailable("overloaded", "later"), request)
    assert (refused.status, dict(refused.headers)["Retry-After"]) == (503, "1")


def test_a_line_without_a_type_is_none_of_ours() -> None:
    with pytest.raises(Malformed, match="has no type"):
        links.decode(replace(RAW, body={"type": " "}))


@pytest.mark.parametrize("given", ["*", "x" * 36, "", "de-DE,de;q=0.9"])
def test_the_language_is_noted_where_it_is_one(given: str) -> None:
    details: Any = feed(links, visit(headers={"accept-language": given})).event.details
    assert details.get("locale") == ("de-DE" if given.startswith("de") else None)
