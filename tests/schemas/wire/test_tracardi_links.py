"""Tracardi's webhooks and redirects: everything that is recorded because a URL was called."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.answers import Ask, Told
from schemas.events import Binding, Event
from schemas.sources import Redirect, Source
from schemas.wire import tracardi
from tests.schemas.test_envelope import nested
from tests.schemas.wire.feeding import IDS, IP, Fed, drawn, feed, post

HOOKS = Source("shop", bridge="webhook")
TWO, THREE = "/collect/{type}/{source}", "/collect/{type}/{source}/{session}"
OF_S1 = IDS.issue("profile", "shop", "session", "s1")
NAMING = replace(HOOKS, replace_profile_id="customer.id")
LINK = Redirect(
    "go",
    "https://s.example/é?a=1&b=%20",
    "Mail Opened",
    props={
        "campaign": "payload@params.c",
        "all": "payload@params.many",
        "first": "payload@params.many.0",
        "posted": {"deep": ["payload@body.a.b", "payload@body.a.z", "payload@body.a.b.0.x.9"]},
        "session": "session@id",
        "unknown": "payload@headers.x",
        "mail": "me@shop.example",
        "kept": [1, None, True],
    },
)


def collect(
    body: Any, *, event_type: str = "Order Paid", source: Source = HOOKS, label: str = ""
) -> Fed:
    headers = {"content-type": label}
    request = post(tracardi, TWO, body, headers, type=event_type, source=" Shop ")
    return feed(tracardi, request, source)


def in_session(
    body: Any, session: str = "s1", source: Source = HOOKS, told: tuple[Told, ...] = ()
) -> Fed:
    request = post(tracardi, THREE, body, type="e", source="shop", session=session)
    return feed(tracardi, request, source, told=told)


def visit(
    session: str = "",
    *,
    method: str = "GET",
    body: bytes = b"",
    link: Redirect | None = LINK,
    query: dict[str, list[str]] | None = None,
    label: str = "",
    cookie: str = "",
) -> Fed:
    headers = {"content-type": label, "cookie": cookie}
    path = "/redirect/{redirect}/{session}" if session else "/redirect/{redirect}"
    parts = {"redirect": "go"} | ({"session": session} if session else {})
    request = post(tracardi, path, body, headers, query, method, **parts)
    return feed(tracardi, request, Source("shop", bridge="redirect"), redirect=link)


def test_a_webhook_is_nobodys() -> None:
    fed = collect({"a": 1})
    (raw,) = fed.raws
    assert (raw.profile_id, raw.session_id, raw.message_id) == ("", "", "")
    assert fed.answer["profile"] == {"id": None}
    assert fed.answer["session"] == {"id": None}
    assert fed.batch.ask is None


@pytest.mark.parametrize("label", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_that_cannot_be_read_is_kept_and_not_valid(label: str) -> None:
    fed = collect(b'{"a": \xff', label=label)
    assert fed.reply.status == 200
    assert fed.event.properties == {}
    assert fed.event.errors[0].startswith("json-invalid: ")
    assert fed.raws[0].batch["unreadable"] == '{"a": \\xff'


def test_a_webhook_with_a_session_is_always_json() -> None:
    fed = in_session(b"hello there")
    assert (fed.event.properties, bool(fed.event.errors)) == ({}, True)
    assert in_session(b"[1]").code == "dict-type"
    assert in_session(b"a=1&b=2").event.properties == {"a": "1", "b": "2"}, "a form is no junk"
    assert in_session(b"").event.properties == {}


def test_a_book_that_is_no_json_is_refused() -> None:
    assert in_session(b"x y" * 30_000).code == "json-invalid"


def test_a_webhook_with_a_session_is_somebodys() -> None:
    fed = in_session({"a": 1}, " s1 ")
    (raw,) = fed.raws
    assert (raw.profile_id, raw.session_id, raw.visitor) == ("", "s1", "s1")
    assert (fed.event.profiled, fed.event.binding) == (True, Binding("sticky"))
    assert fed.batch.ask == Ask("profile", "s1")
    assert (fed.answer["profile"], fed.answer["session"]) == ({"id": OF_S1}, {"id": "s1"})
    assert len(fed.answer["warnings"]) == 1
    heard = in_session({"a": 1}, told=(Told("0:a", raw.event_id, profile_id="p9"),))
    assert (heard.answer["profile"], heard.answer["warnings"]) == ({"id": "p9"}, [])


@pytest.mark.parametrize("path", [TWO, THREE])
def test_a_query_string_is_an_event(path: str) -> None:
    parts = {"type": "e", "source": "shop"} | ({"session": "s1"} if path == THREE else {})
    query = {"a": ["1"], "b": ["1", "2"], "empty": [""]}
    request = post(tracardi, path, b"", None, query, "GET", **parts)
    fed = feed(tracardi, request, HOOKS)
    assert fed.event.properties == {"a": "1", "b": ["1", "2"], "empty": ""}
    assert fed.event.profiled is (path == THREE)


@pytest.mark.parametrize("value", ["c1", " c1 ", "7", 7])
def test_a_profile_named_in_the_body(value: Any) -> None:
    fed = collect({"customer": {"id": value}}, source=NAMING)
    name = str(value).strip()
    (raw,) = fed.raws
    assert (raw.profile_id, raw.session_id, raw.visitor) == (name, name, name)
    assert fed.event.binding == Binding("static")
    assert (fed.answer["profile"], fed.answer["session"]) == ({"id": name}, {"id": name})
    assert fed.batch.ask is None


def test_a_profile_named_in_the_body_of_a_session() -> None:
    (raw,) = in_session({"customer": {"id": "c1"}}, source=NAMING).raws
    assert (raw.profile_id, raw.session_id) == ("c1", "s1")


def test_a_session_that_does_not_stick_is_drawn() -> None:
    loose = replace(NAMING, sticky_session=False)
    (raw,) = collect({"customer": {"id": "c1"}}, source=loose).raws
    assert (raw.profile_id, raw.session_id) == ("c1", drawn(1))


@pytest.mark.parametrize("body", [{}, {"customer": 5}, {"customer": {"id": None}}])
def test_a_body_that_names_no_profile(body: Any) -> None:
    assert not collect(body, source=NAMING).event.profiled
    made = collect(body, source=replace(NAMING, generate_profile=True))
    assert made.event.binding == Binding("sticky")
    assert made.raws[0].session_id == drawn(1)
    profile = IDS.issue("profile", "shop", "session", drawn(1))
    assert (made.answer["profile"], made.batch.ask) == ({"id": profile}, None)


def test_a_transitional_webhook() -> None:
    fed = in_session({}, source=replace(HOOKS, transitional=True))
    assert fed.answer["session"] == {"id": None}


@pytest.mark.parametrize("source_id", ["@internal", " @internal"])
def test_internal_sources_are_refused(source_id: str) -> None:
    request = post(tracardi, TWO, {}, type="e", source=source_id)
    assert feed(tracardi, request).reply.status == 401


def test_depth_is_refused_at_the_edge() -> None:
    fed = collect({"a": nested(100)})
    assert (fed.reply.status, fed.code) == (422, "json-too-deep")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_visit_is_an_event_and_sent_on(method: str) -> None:
    query = {"c": ["x"], "many": ["1", "2"]}
    body = b'{"a": {"b": [{"x": [1]}]}}'
    fed = visit("s1", method=method, body=body, query=query)
    assert (fed.reply.status, fed.reply.body, fed.reply.content_type) == (307, b"", "")
    headers = dict(fed.reply.headers)
    assert headers["Location"] == "https://s.example/%C3%A9?a=1&b=%20"
    assert headers["Cache-Control"] == "no-store"
    assert fed.event == Event(
        "track",
        "mail-opened",
        properties={
            "campaign": "x",
            "all": ["1", "2"],
            "first": "1",
            "posted": {"deep": [[{"x": [1]}], None, None]},
            "session": "s1",
            "unknown": None,
            "mail": "me@shop.example",
            "kept": [1, None, True],
        },
        details={"ip": IP},
        binding=Binding("existing"),
    )
    (raw,) = fed.raws
    assert (raw.session_id, raw.visitor, raw.profile_id) == ("s1", "s1", "")


def test_a_visit_of_nobody() -> None:
    fed = visit()
    assert (fed.event.profiled, fed.event.binding) == (False, None)
    assert fed.event.properties["campaign"] is None
    assert fed.event.properties["session"] is None
    assert fed.raws[0].session_id == ""


@pytest.mark.parametrize(
    ("cookie", "session"),
    [
        ("a=b; tracardi-session-id=s1; c=d", "s1"),
        ('tracardi-session-id="s1"', "s1"),
        ("tracardi-session-id=", ""),
        ("tracardi-session-id", ""),
        ("tracardi-session-id=" + "x" * 2000, ""),
        ("x-tracardi-session-id=s1", ""),
        (";;=;", ""),
    ],
)
def test_the_trackers_cookie_names_the_session(cookie: str, session: str) -> None:
    assert visit(cookie=cookie).raws[0].session_id == session


def test_the_path_is_stronger_than_the_cookie() -> None:
    assert visit("s2", cookie="tracardi-session-id=s1").raws[0].session_id == "s2"


@pytest.mark.parametrize(
    ("body", "label", "found"),
    [
        (b"a=1&b=2", "", "1"),
        (b"a=1", "application/x-www-form-urlencoded", "1"),
        (b'--X\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--X--', "", None),
        (
            b'--X\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--X--',
            "multipart/form-data; boundary=X",
            "1",
        ),
        (b"\xff junk", "application/json", None),
        (b"[1]", "application/json", None),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "", None),
    ],
)
def test_whatever_is_posted_the_visitor_is_sent_on(body: bytes, label: str, found: Any) -> None:
    link = replace(LINK, props={"a": "payload@body.a"})
    fed = visit(method="POST", body=body, link=link, label=label)
    assert fed.reply.status == 307
    assert fed.event.properties == {"a": found}


def test_looking_is_not_visiting() -> None:
    fed = visit("s1", method="HEAD")
    assert (fed.reply.status, fed.raws) == (307, ())


def test_an_unknown_redirect() -> None:
    fed = visit(link=None)
    assert (fed.reply.status, fed.answer) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("url", ["https://s.example/a\r\nx: y", "http://s.example/\u2713 \x00"])
def test_no_url_breaks_a_header(url: str) -> None:
    location = dict(visit(link=replace(LINK, url=url)).reply.headers)["Location"]
    assert location.isascii()
    assert location.isprintable()


def test_a_template_is_bounded() -> None:
    deep = replace(LINK, props={"a": nested(110)})
    assert visit(link=deep).code == "json-too-deep"
    assert visit(
        link=replace(LINK, props={"a": "payload@params.many." + "9" * 5000}),
        query={"many": ["1", "2"]},
    ).event.properties == {"a": None}
