"""Every request that real Tracardi, Rakam and Filum clients sent, replayed: answers and rows."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.system.captures import Recorded, recorded
from tests.system.client import Answer, Client
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import as_json_column, check_bookkeeping, milliseconds, now_ms, rows_of, said

pytestmark = pytest.mark.system

LOOPBACK = "127.0.0.1"
CHROME = {
    "browser": "Chrome",
    "browser_version": "140.0.0.0",
    "os": "Linux",
    "device_type": "desktop",
}
BROWSER_SOURCE, RAKAM_SOURCE, FILUM_SOURCE = "src1", "rakam", "filum"


@dataclass(frozen=True)
class Exchange:
    """A recorded request and what it was answered."""

    request: Recorded
    answer: Answer


@dataclass(frozen=True)
class Replayed:
    """All requests of one client, and the rows that came of them."""

    exchanges: list[Exchange]
    rows: list[Row]
    began_ms: int

    @property
    def posts(self) -> list[Exchange]:
        return [each for each in self.exchanges if each.request.method == "POST"]


def replay(pipeline: Pipeline, client_name: str, source_id: str, events: int) -> Replayed:
    began_ms = now_ms()
    client = Client(pipeline.url)
    exchanges = [
        Exchange(
            request, client.send(request.method, request.target, request.headers, request.body)
        )
        for request in recorded(client_name)
    ]
    client.close()
    assert {each.answer.status for each in exchanges} == {200}, exchanges
    return Replayed(exchanges, rows_of(pipeline, source_id, events), began_ms)


@pytest.fixture(scope="module")
def tracardi(pipeline: Pipeline, sources: None) -> Replayed:
    return replay(pipeline, "tracardi-browser", BROWSER_SOURCE, 4)


@pytest.fixture(scope="module")
def rakam(pipeline: Pipeline, sources: None) -> Replayed:
    return replay(pipeline, "rakam-browser", RAKAM_SOURCE, 3)


@pytest.fixture(scope="module")
def filum(pipeline: Pipeline, sources: None) -> Replayed:
    return replay(pipeline, "filum-node", FILUM_SOURCE, 3)


def test_pre_flights_allow_what_browsers_ask(tracardi: Replayed) -> None:
    asked = [each for each in tracardi.exchanges if each.request.method == "OPTIONS"]
    assert len(asked) == 3
    for request, answer in ((each.request, each.answer) for each in asked):
        assert answer.headers["access-control-allow-origin"] == request.header("origin")
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "POST" in answer.headers["access-control-allow-methods"]
        wanted = request.header("access-control-request-headers")
        assert answer.headers["access-control-allow-headers"] == wanted


def test_browsers_may_read_every_answer(tracardi: Replayed, rakam: Replayed) -> None:
    for each in [*tracardi.posts, *rakam.posts]:
        headers = each.answer.headers
        assert headers["access-control-allow-origin"] == each.request.header("origin")
        assert headers["access-control-allow-credentials"] == "true"
        assert headers["vary"] == "Origin"


def test_tracardi_is_answered_as_its_tracker_reads(tracardi: Replayed) -> None:
    for each in tracardi.posts:
        assert each.answer.headers["content-type"] == "application/json"
        body = each.answer.json
        assert UUID(body.pop("task"))
        assert UUID(body.pop("profile")["id"])
        assert body == {
            "ux": [],
            "response": {},
            "events": [],
            "session": {"id": each.request.json["session"]["id"]},
            "source": {"consent": False},
            "errors": [],
            "warnings": [],
        }


def test_tracardi_rows_field_by_field(tracardi: Replayed) -> None:
    sent = [
        (each.request, event) for each in tracardi.posts for event in each.request.json["events"]
    ]
    expected = []
    for request, event in sent:
        payload, page = request.json, event["context"]["page"]
        campaign = {f"utm_{name}": text for name, text in payload["context"].get("utm", {}).items()}
        expected.append(
            {
                "source_id": BROWSER_SOURCE,
                "protocol": "tracardi",
                "kind": "page" if event["type"] == "page-view" else "track",
                "event_type": event["type"],
                "event_time": event["time"]["create"],
                "anonymous_id": payload["device"]["id"],
                "properties": event["properties"],
                "context": {**payload["context"], **event["context"]},
                "valid": True,
                "page_url": page["url"],
                "page_path": page["path"],
                "page_host": urlsplit(page["url"]).hostname,
                "page_title": "Test page",
                "referrer_host": "ref.invalid",
                "referrer_medium": "unknown",
                "ip": LOOPBACK,
                "user_agent": request.header("user-agent"),
                "locale": "en-US",
                "screen": "800x600",
                "timezone": "UTC",
                **CHROME,
                **campaign,
            }
        )
        if "gclid=abc" in page["url"]:
            expected[-1] |= {"click_id_type": "gclid", "click_id": "abc"}
    expected[-1].pop("properties")  # {} is as good as nothing
    assert [said(row) for row in tracardi.rows] == expected
    assert (expected[0]["utm_campaign"], expected[0]["click_id"]) == ("c1", "abc")
    assert len({row["event_id"] for row in tracardi.rows}) == len(sent)
    for row in tracardi.rows:
        check_bookkeeping(row, since_ms=tracardi.began_ms)


def test_tracardi_stores_the_profile_it_answers_and_never_a_forged_one(tracardi: Replayed) -> None:
    answered = {each.answer.json["profile"]["id"] for each in tracardi.posts}
    stored = {row["profile_id"] for row in tracardi.rows}
    forged = {(each.request.json["profile"] or {}).get("id") for each in tracardi.posts}
    assert len(answered) == 1, "one session, one profile"
    assert stored == answered
    assert not answered & forged
    session = tracardi.posts[0].request.json["session"]["id"]
    assert {row["session_id"] for row in tracardi.rows} == {session}


def test_a_visitors_rows_lie_in_the_order_they_were_sent(
    tracardi: Replayed, rakam: Replayed
) -> None:
    for rows in (tracardi.rows, [row for row in rakam.rows if row["anonymous_id"]]):
        assert len({row["kafka_partition"] for row in rows}) == 1
        offsets = [row["kafka_offset"] for row in rows]
        assert offsets == sorted(offsets)


def test_rakam_is_answered_exactly_the_byte_1(rakam: Replayed) -> None:
    assert [each.answer.body for each in rakam.posts] == [b"1"] * 3


def test_rakam_rows_field_by_field(rakam: Replayed) -> None:
    first, user_call, last = rakam.rows
    expected: list[Row] = []
    for row, exchange in ((first, rakam.posts[0]), (last, rakam.posts[2])):
        payload = exchange.request.json
        (event,) = payload["events"]
        sent, clock = event["properties"], payload["api"]["upload_time"]
        ahead = milliseconds(row["event_time"]) - milliseconds(row["received_at"])
        assert ahead == sent["_time"] - clock, "the device's clock is corrected"
        assert milliseconds(row["sent_at"]) == clock
        kept = {name: sent[name] for name in sent if name not in {"_time", "_user"}}
        expected.append(
            {
                "source_id": RAKAM_SOURCE,
                "protocol": "rakam",
                "kind": "track",
                "event_type": event["collection"],
                "event_time": row["event_time"],
                "sent_at": row["sent_at"],
                "message_id": row["message_id"],
                "user_id": "u1",
                "anonymous_id": sent["_device_id"],
                "properties": kept,
                "valid": True,
                "utm_source": "news",
                "utm_medium": "email",
                "utm_campaign": "c1",
                "locale": "en-US",
            }
        )
        assert row["message_id"].startswith(sent["_device_id"]), "made of what a retry repeats"
    assert [said(first), said(last)] == expected
    assert user_call["event_time"] == user_call["received_at"]
    for row in rakam.rows:
        check_bookkeeping(row, since_ms=rakam.began_ms)


def test_rakam_user_call_is_an_identify_of_the_same_profile(rakam: Replayed) -> None:
    first, user_call, last = rakam.rows
    assert said(user_call) == {
        "source_id": RAKAM_SOURCE,
        "protocol": "rakam",
        "kind": "identify",
        "event_type": "set_properties",
        "event_time": user_call["received_at"],
        "user_id": "u1",
        "properties": {"email": "a@example.com"},
        "context": {"$set": {"email": "a@example.com"}},
        "valid": True,
    }
    assert len({row["profile_id"] for row in rakam.rows}) == 1
    assert first["session_id"] == last["session_id"]
    number = rakam.posts[0].request.json["events"][0]["properties"]["_session_id"]
    assert str(number) in first["session_id"]


def test_filum_is_answered_an_object_that_says_200(filum: Replayed) -> None:
    for each in filum.posts:
        assert each.answer.headers["content-type"] == "application/json"
        assert each.answer.json["statusCode"] == 200


def test_filum_rows_field_by_field(filum: Replayed) -> None:
    sent = [event for each in filum.posts for event in each.request.json]
    properties = {
        "Identify": {
            "Name": "Harry",
            "age": 11,
            "vip": 1,
            "score": 3.5,
            "obj": '{"a":1}',
            "when": '"2024-05-06T07:08:09.000Z"',
        },
        "Order Completed": {"total": 1451000, "ratio": 0.5},
        "Second": {},
    }
    expected = [
        {
            "source_id": FILUM_SOURCE,
            "protocol": "filum",
            "kind": event["event_type"],
            "event_type": event["event_name"],
            "event_time": event["timestamp"],
            "sent_at": event["sent_at"],
            "message_id": event["event_id"],
            "user_id": event.get("user_id", ""),
            "anonymous_id": event.get("anonymous_id", ""),
            "properties": properties[event["event_name"]],
            "context": as_json_column(event["context"]),
            "valid": True,
            "ip": LOOPBACK,
            "user_agent": "filum-node-sdk/0.1.0",
            "locale": "vi-VN",
            "library": "filum-node-sdk",
            "library_version": "0.1.0",
        }
        for event in sent
    ]
    assert [said(row) for row in filum.rows] == [
        {name: value for name, value in row.items() if value not in ("", {})} for row in expected
    ]
    for row in filum.rows:
        check_bookkeeping(row, since_ms=filum.began_ms)


def test_filum_visitors_get_sessions_and_profiles_of_their_own(filum: Replayed) -> None:
    for column in ("session_id", "profile_id"):
        chosen = [row[column] for row in filum.rows]
        assert all(UUID(each) for each in chosen)
        assert len(set(chosen)) == 3, "three visitors"


def test_a_retry_of_filum_collapses(pipeline: Pipeline, filum: Replayed) -> None:
    ids = {row["message_id"]: row["event_id"] for row in filum.rows}
    assert all(UUID(event_id).version == 5 for event_id in ids.values())
    again = replay(pipeline, "filum-node", FILUM_SOURCE, 3)
    marker = {
        "event_id": "the-marker",
        "event_name": "Marker",
        "event_type": "track",
        "user_id": "42",
    }
    authorization = again.posts[0].request.header("authorization")
    answer = pipeline.client.post_json("/events", marker, Authorization=authorization)
    assert answer.status == 200
    rows = rows_of(pipeline, FILUM_SOURCE, 4)
    assert {
        row["message_id"]: row["event_id"] for row in rows if row["event_type"] != "Marker"
    } == ids
