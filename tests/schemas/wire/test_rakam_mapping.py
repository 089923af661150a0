"""The picture, and what the triggers ask for: spiders, referrers; ``copy`` asks nothing."""

from dataclasses import replace

import pytest

from schemas.errors import Malformed, Refused, Unavailable
from schemas.events import Event
from schemas.wire import rakam
from schemas.wire.rakam import referrers, spiders
from tests.schemas.wire.feeding import RECEIVED_AT, Fed, feed, post


def picture(query: dict[str, list[str]], **headers: str) -> Fed:
    return feed(rakam, post(rakam, "/event/pixel", b"", headers, query, method="GET"))


def test_a_picture_is_a_picture() -> None:
    fed = picture({"collection": ["Seen"], "api.api_key": ["WK"], "prop.aB": ["x", "y"]})
    assert len(fed.reply.body) == 43
    assert (fed.reply.status, fed.reply.content_type) == (200, "image/gif")
    assert "no-store" in dict(fed.reply.headers)["Cache-Control"]
    assert fed.event == Event("track", "seen", properties={"a_b": "y"}, flat=True)
    assert "WK" not in str(fed.raws)
    assert picture({"collection": ["Seen"]}, write_key="WK").error is None
    assert picture({"api.api_key": ["WK"]}).code == "collection-invalid"


def test_a_picture_says_what_is_wrong_in_a_header_that_is_one() -> None:
    fed = picture({"collection": ["é\r\nx: y" * 200], "api.api_key": ["WK"]})
    said = dict(fed.reply.headers)["server-error"]
    assert (fed.reply.status, said.isprintable()) == (200, True)
    request = post(rakam, "/event/pixel", b"", method="GET")
    for error in (Refused("x", "ü\n" * 400), Unavailable("x", "later")):
        reply = rakam.refuse(error, request)
        said = dict(reply.headers)["server-error"]
        assert (reply.status, said.isascii(), len(said) <= 300) == (200, True, True)
    wrong = rakam.refuse(Malformed("method-not-allowed", "no", status=405), request)
    assert (wrong.status, wrong.content_type) == (405, "application/json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; YandexBot/3.0)", True),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", True),
        ("facebookexternalhit/1.1", True),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36", False),
        ("Mozilla/5.0 (Linux; Android 7.0; CUBOT_NOTE_S) Chrome/60", False),
        ("okhttp/4.9", False),
        ("", False),
    ],
)
def test_spiders(text: str, expected: bool) -> None:
    assert spiders.is_spider(text) is expected


def test_a_spider_is_refused_where_it_is_asked_about() -> None:
    asks = {"collection": "c", "properties": {"_user_agent": True}}
    api = {"api": {"api_key": "WK"}}
    headers = {"user-agent": "Googlebot/2.1"}
    alone = feed(rakam, post(rakam, "/event/collect", asks | api, headers))
    only = feed(rakam, post(rakam, "/event/batch", api | {"events": [asks]}, headers))
    for fed in (alone, only):
        assert (fed.reply.status, fed.code) == (403, "spider")
    mixed = {"events": [asks, {"collection": "c", "properties": {}}, 5]}
    fed = feed(rakam, post(rakam, "/event/batch", api | mixed, headers))
    assert [each.code if isinstance(each, Malformed) else "" for each in fed.decoded] == [
        "spider",
        "",
        "dict-type",
    ]
    none = feed(rakam, post(rakam, "/event/batch", api | {"events": []}, headers))
    assert none.reply.body == b"1"


@pytest.mark.parametrize(
    ("url", "own", "medium", "source", "term"),
    [
        ("https://www.google.com/search?q=a+b&x", "", "search", "Google", "a b"),
        ("https://www.google.co.uk/", "", "search", "Google", None),
        ("https://www.bing.com/?x=" + "y" * 3000, "", "search", "Bing", None),
        ("https://google.shop.example/", "", "unknown", None, None),
        ("https://mail.google.com/", "", "email", "Gmail", None),
        ("https://t.co/x", "", "social", "Twitter", None),
        ("https://nott.co/x", "", "unknown", None, None),
        ("http://localhost/", "", "unknown", None, None),
        ("https://www.shop.example/a", "shop.example", "internal", None, None),
        ("https://other.example/a", "shop.example", "unknown", None, None),
    ],
)
def test_referrers(url: str, own: str, medium: str, source: str | None, term: str | None) -> None:
    found = referrers.columns_of(url, own)
    assert found["_referrer_medium"] == medium
    assert (found.get("_referrer_source"), found.get("_referrer_term")) == (source, term)
    assert found["_referrer_path"].startswith("/")


@pytest.mark.parametrize("url", ["", "direct", "://"])
def test_what_is_no_referrer(url: str) -> None:
    assert referrers.columns_of(url, "") == {}


def test_copy_maps_nothing() -> None:
    properties = {"_ip": True, "_referrer": "https://a.example/", "_time": RECEIVED_AT, "_user": 5}
    event = {"collection": "c", "properties": properties}
    request = post(rakam, "/event/copy", {"api": {"api_key": "MK"}, "events": [event]})
    copied = feed(rakam, request).event
    assert copied.properties == {"_ip": True, "_referrer": "https://a.example/"}
    assert (copied.details, copied.user_id) == ({}, "5")
    mapped = feed(rakam, replace(request, endpoint="bulk")).event
    assert mapped.details["ip"] == "198.51.100.7"
