import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.events import Event
from schemas.sources import Source
from schemas.wire import tracardi
from tests.schemas.test_envelope import nested
from tests.schemas.wire.feeding import IDS, IP, SHOP, Fed, drawn, feed, post, relabelled

CASES = json.loads((Path(__file__).parent / "cases" / "tracardi.json").read_text())
STATIC = Source("shop", static_profile_ids=True)
OWN = IDS.issue("profile", "shop", "user", "u1")


def names(case: dict[str, Any]) -> str:
    return str(case["name"])


def payload(*events: Any, **fields: Any) -> dict[str, Any]:
    return {"source": {"id": "shop"}, "session": {"id": "s1"}, "events": events, **fields}


def track(*events: Any, source: Source = SHOP, **fields: Any) -> Fed:
    return feed(tracardi, post(tracardi, "/track", payload(*events, **fields)), source)


def collect(body: Any, event_type: str = "Order Paid", **headers: str) -> Fed:
    path = "/collect/{type}/{source}"
    return feed(tracardi, post(tracardi, path, body, headers, type=event_type, source=" Shop "))


@pytest.mark.parametrize("case", CASES["events"], ids=names)
def test_an_event(case: dict[str, Any]) -> None:
    """Alone, first and last of many, with lying labels and on both paths."""
    case = dict(case)
    event, wanted, shared = case.pop("event"), dict(case.pop("is")), case.pop("payload", {})
    expected = Event(
        wanted.pop("kind", "track"),
        wanted.pop("event_type", "e"),
        details={"ip": IP} | wanted.pop("details", {}),
        tags=tuple(wanted.pop("tags", ())),
        **wanted,
    )
    for position, events in (
        (0, [event]),
        (0, [event, {"type": "z"}]),
        (1, [{"type": "z"}, event]),
    ):
        for path in ("/track", "/track/"):
            for request in relabelled(post(tracardi, path, payload(*events, **shared))):
                fed = feed(tracardi, request)
                assert fed.events[position] == expected
                for name, value in case.get("raw", {}).items():
                    assert getattr(fed.raws[position], name) == value
    assert set(case) <= {"name", "raw"}, "leftover keys"


@pytest.mark.parametrize("case", CASES["refused"], ids=names)
def test_a_refusal_in_pydantics_shape(case: dict[str, Any]) -> None:
    """One bad event refuses the whole request, whatever stands beside it."""
    case = dict(case)
    body = case.pop("body", None)
    if "text" in case:
        body = case.pop("text").encode()
    elif "latin1" in case:
        body = case.pop("latin1").encode("latin-1")
    elif "event" in case:
        body = payload({"type": "good"}, case.pop("event"))
    elif "payload" in case:
        body = payload() | case.pop("payload")
    fed = feed(tracardi, post(tracardi, "/track", body))
    assert fed.reply.status == 422
    assert fed.reply.content_type == "application/json"
    (detail,) = fed.answer["detail"]
    assert (detail["type"], detail["loc"]) == (case.pop("type"), case.pop("loc"))
    assert detail["msg"] == case.pop("msg", detail["msg"])
    assert isinstance(detail["ctx"]["error"], str)
    assert set(case) == {"name"}, "leftover keys"


@pytest.mark.parametrize("case", CASES["webhooks"], ids=names)
def test_a_webhook(case: dict[str, Any]) -> None:
    case = dict(case)
    headers = {"content-type": case.pop("label")} if "label" in case else {}
    fed = collect(case.pop("text").encode(), case.pop("type", " Order Paid"), **headers)
    if "refused" in case:
        assert fed.reply.status == 422
        assert fed.answer["detail"][0]["type"] == case.pop("refused")
    else:
        assert fed.claim.credential == "Shop"
        details = {"ip": IP}
        assert fed.event == Event(
            "track", "order-paid", properties=case.pop("is"), details=details, profiled=False
        )
    assert set(case) == {"name"}, "leftover keys"


def test_a_webhook_is_nobodys() -> None:
    fed = collect({"a": 1})
    (raw,) = fed.raws
    assert (raw.profile_id, raw.session_id, raw.message_id) == ("", "", "")
    assert fed.answer["profile"] == {"id": None}
    assert fed.answer["session"] == {"id": None}


def test_the_answer_is_the_union_of_all_versions() -> None:
    assert track({"type": "e"}).answer == {
        "task": drawn(1),
        "ux": [],
        "response": {},
        "events": [],
        "profile": {"id": IDS.issue("profile", "shop", "session", "s1")},
        "session": {"id": "s1"},
        "source": {"consent": False},
        "errors": [],
        "warnings": [],
    }


@pytest.mark.parametrize("fields", [{}, {"events": []}])
def test_no_events_are_answered_null(fields: dict[str, Any]) -> None:
    fed = feed(tracardi, post(tracardi, "/track", {"source": {"id": "shop"}, **fields}))
    assert (fed.reply.status, fed.reply.body, fed.raws) == (200, b"null", ())


@pytest.mark.parametrize("session", [None, {"id": ""}, {"id": "  "}])
def test_without_a_session_the_edge_draws_one(session: Any) -> None:
    fed = track({"type": "a"}, {"type": "b"}, session=session)
    assert fed.answer["session"] == {"id": drawn(1)}
    assert {(raw.session_id, raw.visitor) for raw in fed.raws} == {(drawn(1), drawn(1))}
    assert {raw.profile_id for raw in fed.raws} == {
        IDS.issue("profile", "shop", "session", drawn(1))
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [(OWN, True), (f" {OWN} ", True), ("prof-1", False), (OWN[:-1] + "0", False), ("", False)],
)
def test_only_a_profile_id_of_headraces_own_is_adopted(given: str, kept: bool) -> None:
    fed = track({"type": "e"}, profile={"id": given})
    expected = OWN if kept else IDS.issue("profile", "shop", "session", "s1")
    assert fed.answer["profile"] == {"id": expected}
    assert [raw.profile_id for raw in fed.raws] == [expected]


def test_static_profile_ids_are_used_as_sent_and_must_be_sent() -> None:
    assert track({"type": "e"}, source=STATIC, profile={"id": " p1 "}).raws[0].profile_id == "p1"
    fed = track({"type": "e"}, source=STATIC)
    assert fed.reply.status == 422
    assert fed.answer["detail"][0]["loc"] == ["body", "profile", "id"]


@pytest.mark.parametrize("word", ["true", "1", "yes", "ON", "t", "y"])
def test_profile_less(word: str) -> None:
    request = post(tracardi, "/track", payload({"type": "e"}), query={"profile_less": [word]})
    fed = feed(tracardi, request)
    assert fed.answer["profile"] == {"id": None}
    assert fed.answer["session"] == {"id": "s1"}
    assert not fed.event.profiled
    assert (fed.raws[0].profile_id, fed.raws[0].session_id) == ("", "s1")


@pytest.mark.parametrize("word", ["false", "0", "no", "off", "f", "n"])
def test_not_profile_less(word: str) -> None:
    body = payload({"type": "e"}, profile_less=True)
    fed = feed(tracardi, post(tracardi, "/track", body, query={"profile_less": ["true", word]}))
    assert fed.event.profiled


def test_profile_less_is_a_boolean() -> None:
    request = post(tracardi, "/track", payload(), query={"profile_less": ["maybe"]})
    (detail,) = feed(tracardi, request).answer["detail"]
    assert (detail["type"], detail["loc"]) == ("bool_parsing", ["query", "profile_less"])


@pytest.mark.parametrize("source_id", ["@internal", " @internal"])
def test_internal_sources_are_refused(source_id: str) -> None:
    body = payload({"type": "e"}) | {"source": {"id": source_id}}
    fed = feed(tracardi, post(tracardi, "/track", body))
    assert fed.reply.status == 401
    assert fed.answer == {"detail": "Internal event sources are not allowed via API."}


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (
            Refused("source-unknown", "no"),
            401,
            f"Invalid event source `shop`. Request came from IP: {IP}",
        ),
        (Refused("source-disabled", "no"), 401, "Event source disabled."),
        (Refused("bridge-mismatch", "allows only ['rest']"), 401, "allows only ['rest']"),
        (Refused("origin-refused", "add the origin", status=403), 403, "add the origin"),
        (Malformed("body-too-large", "send less", status=413), 413, "send less"),
        (Unavailable("overloaded", "wait"), 503, "wait"),
        (HeadraceError("bug", "sorry"), 500, "sorry"),
    ],
)
def test_other_refusals_are_a_sentence(error: HeadraceError, status: int, detail: str) -> None:
    request = post(tracardi, "/track", payload({"type": "e"}))
    reply = tracardi.refuse(error, request)
    assert (reply.status, json.loads(reply.body)) == (status, {"detail": detail})
    assert (("Retry-After", "1") in reply.headers) is (status == 503)


def test_an_unknown_source_of_an_unreadable_request_is_still_answered() -> None:
    reply = tracardi.refuse(Refused("source-unknown", "no"), post(tracardi, "/track", b"{"))
    assert "Invalid event source ``" in json.loads(reply.body)["detail"]


def test_the_edges_own_malformed_is_in_the_list_too() -> None:
    reply = tracardi.refuse(Malformed("inflate-failed", "x"), post(tracardi, "/track", b""))
    assert reply.status == 422
    assert json.loads(reply.body)["detail"][0]["type"] == "inflate_failed"


@pytest.mark.parametrize(
    "fed",
    [
        lambda: track({"type": "e", "properties": {"a": nested(32)}}),
        lambda: track({"type": "e"}, context={"a": nested(32)}),
        lambda: collect({"a": nested(32)}),
    ],
)
def test_depth_is_refused_at_the_edge(fed: Any) -> None:
    outcome = fed()
    assert (outcome.reply.status, outcome.code) == (422, "json-too-deep")


def test_an_id_is_bounded() -> None:
    (detail,) = track({"type": "e", "id": "x" * 1025}).answer["detail"]
    assert (detail["type"], detail["loc"]) == ("string_too_long", ["body", "events", 0, "id"])
