"""What real clients sent, fed to the vendor modules, every field checked."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from schemas.events import Binding, Event
from schemas.vendor import Request, Vendor
from schemas.wire import filum, rakam, tracardi
from tests.schemas.wire.feeding import IDS, IP, RECEIVED_AT, Fed, feed, post, relabelled
from tests.system.captures import Recorded, recorded

BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
DEVICE = "2f297912-d9cb-404c-8438-460b6577f2da"
SESSION = "a1ff2c9a-16da-4b5f-80f2-9da4cf0566d1"
RAKAM_DEVICE = "069a5d87-6f6a-4c0c-a38d-d1cf0ad2adf0"
RAKAM_SESSION = 1795195786165


def posts(client: str) -> list[Recorded]:
    return [request for request in recorded(client) if request.method == "POST"]


def request_of(vendor: Vendor, sent: Recorded) -> Request:
    headers = {name.lower(): value for name, value in sent.headers}
    return post(vendor, urlsplit(sent.target).path, sent.body, headers)


def fed(vendor: Vendor, client: str) -> list[Fed]:
    outcomes = []
    for sent in posts(client):
        ways = [feed(vendor, way) for way in relabelled(request_of(vendor, sent))]
        assert [way.decoded for way in ways] == [ways[0].decoded] * len(ways)
        assert [way.reply for way in ways] == [ways[0].reply] * len(ways)
        outcomes.append(ways[0])
    return outcomes


def test_tracardi_events() -> None:
    outcomes = fed(tracardi, "tracardi-browser")
    payloads: list[dict[str, Any]] = [sent.json for sent in posts("tracardi-browser")]
    page = "http://127.0.0.1:21200/static/tracardi.html?n=tracardi"
    campaign = {"utm_source": "news", "utm_medium": "email", "utm_campaign": "c1"}
    details = {
        "page_title": "Test page",
        "referrer_host": "ref.invalid",
        "ip": IP,
        "user_agent": BROWSER,
        "locale": "en-US",
        "screen": "800x600",
        "timezone": "UTC",
    }
    first = (
        details
        | campaign
        | {
            "page_url": f"{page}&utm_source=news&utm_medium=email&utm_campaign=c1&gclid=abc",
            "page_path": "/static/tracardi.html",
        }
    )
    second = details | {
        "page_url": "http://127.0.0.1:21200/static/second?x=1",
        "page_path": "/static/second",
    }
    contexts = [
        payload["context"] | event["context"] for payload in payloads for event in payload["events"]
    ]
    expected = [
        Event("page", "page-view", 1795196896498, properties={"a": 1}, details=first),
        Event("track", "purchase-order", 1795196896500, properties={"price": 9.95}, details=first),
        Event("track", "immediate", 1795196901567, properties={"b": 2}, details=second),
        Event("track", "leaving", 1795196903580, details=second),
    ]
    assert [event for outcome in outcomes for event in outcome.events] == [
        replace(event, anonymous_id=DEVICE, context=context, binding=Binding("sticky"))
        for event, context in zip(expected, contexts, strict=True)
    ]


def test_tracardi_visitor_session_and_profile() -> None:
    profile = IDS.issue("profile", "shop", "session", SESSION)
    for outcome in fed(tracardi, "tracardi-browser"):
        assert (outcome.claim.by, outcome.claim.credential) == ("source", "SRC1")
        for raw in outcome.raws:
            assert (raw.visitor, raw.session_id, raw.profile_id) == (SESSION, SESSION, "")
            assert raw.message_id == ""
        assert outcome.answer["profile"] == {"id": profile}, "the forged prof-1 is not adopted"
        assert outcome.answer["session"] == {"id": SESSION}


def test_rakam_events() -> None:
    first, user_call, last = fed(rakam, "rakam-browser")
    details = {
        "utm_source": "news",
        "utm_medium": "email",
        "utm_campaign": "c1",
        "locale": "en-US",
    }
    kept = {
        "_device_id": RAKAM_DEVICE,
        "_session_id": RAKAM_SESSION,
        "_platform": "Web",
        "_language": "en-US",
        "utm_source": "news",
        "utm_medium": "email",
        "utm_campaign": "c1",
    }
    assert first.event == Event(
        "track",
        "order_completed",
        event_time=1795195786000 + RECEIVED_AT - 1795195786167,
        sent_at=1795195786167,
        user_id="u1",
        anonymous_id=RAKAM_DEVICE,
        properties=kept | {"revenue": 9.95},
        details=details,
        flat=True,
    )
    assert user_call.event == Event(
        "identify",
        "set_properties",
        user_id="u1",
        properties={"email": "a@example.com"},
        context={"$set": {"email": "a@example.com"}},
        changes={"set": {"email": "a@example.com"}},
    )
    assert last.event == Event(
        "track",
        "leaving",
        event_time=1795195796000 + RECEIVED_AT - 1795195796726,
        sent_at=1795195796726,
        user_id="u1",
        anonymous_id=RAKAM_DEVICE,
        properties=kept,
        details=details,
        flat=True,
    )


def test_rakam_visitor_session_and_answer() -> None:
    outcomes = fed(rakam, "rakam-browser")
    session = f"{RAKAM_DEVICE}:{RAKAM_SESSION}"
    assert [(raw.visitor, raw.session_id) for each in outcomes for raw in each.raws] == [
        (RAKAM_DEVICE, session),
        ("u1", ""),
        (RAKAM_DEVICE, session),
    ]
    for outcome in outcomes:
        assert (outcome.claim.by, outcome.claim.credential) == ("key", "WK")
        assert outcome.reply.body == b"1"
        assert all("WK" not in str(raw) for raw in outcome.raws), "no key reaches a topic"


def test_filum_events() -> None:
    outcomes = fed(filum, "filum-node")
    context = {
        "active": 0,
        "app": {},
        "campaign": {},
        "device": {},
        "ip": "",
        "library": {"name": "filum-node-sdk", "version": "0.1.0"},
        "locale": "vi-VN",
        "location": {},
        "network": {},
        "os": {},
        "page": {},
        "referrer": {},
        "screen": {},
        "user_agent": "",
    }
    details = {
        "ip": IP,
        "user_agent": "filum-node-sdk/0.1.0",
        "locale": "vi-VN",
        "library": "filum-node-sdk",
        "library_version": "0.1.0",
    }
    traits = {
        "Name": "Harry",
        "age": 11,
        "vip": 1,
        "score": 3.5,
        "none": None,
        "obj": '{"a":1}',
        "when": '"2024-05-06T07:08:09.000Z"',
    }
    assert [event for outcome in outcomes for event in outcome.events] == [
        Event(
            "identify",
            "Identify",
            event_time=1795196909793,
            sent_at=1795196909793,
            user_id="u1",
            properties=traits,
            context=context,
            details=details,
            changes={"set": traits},
        ),
        Event(
            "track",
            "Order Completed",
            event_time=1795196909795,
            sent_at=1795196909795,
            anonymous_id="anon-1",
            properties={"total": 1451000, "ratio": 0.5},
            context=context,
            details=details,
        ),
        Event(
            "track",
            "Second",
            event_time=1795196909795,
            sent_at=1795196909795,
            user_id="42",
            context=context,
            details=details,
        ),
    ]


def test_filum_visitor_id_and_answer() -> None:
    outcomes = fed(filum, "filum-node")
    sent = [event for each in posts("filum-node") for event in each.json]
    raws = [raw for outcome in outcomes for raw in outcome.raws]
    assert [raw.visitor for raw in raws] == ["u1", "anon-1", "42"]
    assert [raw.message_id for raw in raws] == [event["event_id"] for event in sent]
    for outcome in outcomes:
        assert (outcome.claim.by, outcome.claim.credential) == ("key", "eyJWRITEKEY")
        assert outcome.answer["statusCode"] == 200
