import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.events import Binding, Event
from schemas.sources import Source
from schemas.wire import tracardi
from tests.schemas.test_envelope import nested
from tests.schemas.wire.feeding import IP, SHOP, Fed, feed, post, relabelled

CASES = json.loads((Path(__file__).parent / "cases" / "tracardi.json").read_text())


def names(case: dict[str, Any]) -> str:
    return str(case["name"])


def payload(*events: Any, **fields: Any) -> dict[str, Any]:
    return {"source": {"id": "shop"}, "session": {"id": "s1"}, "events": events, **fields}


def track(*events: Any, source: Source = SHOP, **fields: Any) -> Fed:
    return feed(tracardi, post(tracardi, "/track", payload(*events, **fields)), source)


@pytest.mark.parametrize("case", CASES["events"], ids=names)
def test_an_event(case: dict[str, Any]) -> None:
    """Alone, first and last of many, and with lying labels."""
    case = dict(case)
    event, wanted, shared = case.pop("event"), dict(case.pop("is")), case.pop("payload", {})
    expected = Event(
        wanted.pop("kind", "track"),
        wanted.pop("event_type", "e"),
        details={"ip": IP} | wanted.pop("details", {}),
        tags=tuple(wanted.pop("tags", ())),
        errors=tuple(wanted.pop("errors", ())),
        binding=Binding("sticky"),
        **wanted,
    )
    for position, events in (
        (0, [event]),
        (0, [event, {"type": "z"}]),
        (1, [{"type": "z"}, event]),
    ):
        for request in relabelled(post(tracardi, "/track", payload(*events, **shared))):
            fed = feed(tracardi, request)
            assert fed.events[position] == expected
            for name, value in case.get("raw", {}).items():
                assert getattr(fed.raws[position], name) == value
    assert set(case) <= {"name", "raw"}, "leftover keys"


def test_a_refusal_in_pydantics_shape() -> None:
    """One bad event refuses the whole request; tests/cases/tracardi has them all."""
    fed = track({"type": "good"}, {"type": 5})
    assert (fed.reply.status, fed.reply.content_type) == (422, "application/json")
    assert fed.answer == {
        "detail": [
            {
                "type": "string_type",
                "loc": ["body", "events", 1, "type"],
                "msg": "Input should be a valid string",
                "input": {},
                "ctx": {"error": "events[1].type must be a string"},
            }
        ]
    }


@pytest.mark.parametrize("fields", [{}, {"events": []}])
def test_no_events_are_answered_null(fields: dict[str, Any]) -> None:
    fed = feed(tracardi, post(tracardi, "/track", {"source": {"id": "shop"}, **fields}))
    assert (fed.reply.status, fed.reply.body, fed.raws) == (200, b"null", ())


def test_put_takes_the_events_and_answers_null() -> None:
    request = post(tracardi, "/track", payload({"type": "e"}), method="PUT")
    fed = feed(tracardi, request)
    assert (fed.reply.status, fed.reply.body, fed.batch.ask) == (200, b"null", None)
    assert fed.event.event_type == "e"


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
        (Refused("redirect-unknown", "no", status=404), 404, "Not Found"),
        (
            Malformed("method-not-allowed", "Method Not Allowed", status=405),
            405,
            "Method Not Allowed",
        ),
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
        lambda: track({"type": "e", "properties": {"a": nested(100)}}),
        lambda: track({"type": "e"}, context={"a": nested(100)}),
    ],
)
def test_depth_is_refused_at_the_edge(fed: Any) -> None:
    outcome = fed()
    assert (outcome.reply.status, outcome.code) == (422, "json-too-deep")


def test_an_id_is_bounded() -> None:
    (detail,) = track({"type": "e", "id": "x" * 1025}).answer["detail"]
    assert (detail["type"], detail["loc"]) == ("string_too_long", ["body", "events", 0, "id"])


AGENTS = {
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": True,
    "Mozilla/5.0 (compatible; bingbot/2.0)": True,
    "facebookexternalhit/1.1": True,
    "Mozilla/5.0 (compatible; Baiduspider/2.0)": True,
    "Mozilla/5.0 (Linux; Android 11; CUBOT X19) Chrome/120 Mobile": False,
    "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0": False,
    "python-requests/2.32": False,
    "curl/8.5.0": False,
    "": False,
}


@pytest.mark.parametrize(("agent", "is_robot"), AGENTS.items())
def test_robots_are_turned_away(agent: str, is_robot: bool) -> None:
    request = post(tracardi, "/track", payload({"type": "e"}), {"user-agent": agent})
    fed = feed(tracardi, request)
    assert fed.reply.status == (401 if is_robot else 200)
    if is_robot:
        assert fed.answer == {"detail": "Traffic from bot is not allowed."}


def test_google_says_who_it_is() -> None:
    headers = {"from": "googlebot(at)googlebot.com"}
    assert feed(tracardi, post(tracardi, "/track", payload(), headers)).code == "bot-traffic"


def test_the_order_of_the_checks() -> None:
    """A bad body comes before an internal source, that before a robot, that before the source."""
    robot = {"user-agent": "Googlebot/2.1"}
    internal = payload() | {"source": {"id": "@internal"}}
    for body, code in (
        (internal | {"events": None}, "list-type"),
        (internal, "source-internal"),
        (payload(), "bot-traffic"),
    ):
        assert feed(tracardi, post(tracardi, "/track", body, robot)).code == code


@pytest.mark.parametrize(
    ("sent", "echoed"), [("staging", True), ("production", True), ("x\n", False), (None, False)]
)
def test_every_answer_has_its_headers(sent: str | None, echoed: bool) -> None:
    headers = {} if sent is None else {"x-context": sent}
    for body in (payload({"type": "e"}), {}):
        fed = feed(tracardi, post(tracardi, "/track", body, headers))
        assert ("X-Process-Time", "") in fed.reply.headers, "for the edge to fill in"
        assert (("X-Context", sent) in fed.reply.headers) is echoed


def test_a_payloads_secrets_are_not_kept() -> None:
    headers = {"Authorization": "x", "cookie": "y", "referer": "z"}
    fed = track({"type": "e"}, request={"headers": headers, "a": 1})
    assert fed.event.context == {"request": {"headers": {"referer": "z"}, "a": 1}}


def test_the_browsers_language_has_a_column() -> None:
    request = post(
        tracardi, "/track", payload({"type": "e"}), {"accept-language": "de-AT;q=0.9, en"}
    )
    assert feed(tracardi, request).event.details == {"ip": IP, "locale": "de-AT"}


def test_a_note_cannot_be_forged() -> None:
    fed = track({"type": "e"}, headrace={"rule": "static", "language": "x"})
    assert fed.event.binding == Binding("sticky")
    assert fed.event.details == {"ip": IP}


def test_an_internal_source_of_an_event_is_removed() -> None:
    fed = track({"type": "e", "options": {"source_id": "@x", "async": True}})
    assert fed.raws[0].body["options"] == {"async": True}
