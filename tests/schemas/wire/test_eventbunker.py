import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.events import Event
from schemas.wire import eventbunker
from tests.schemas.test_envelope import RAW
from tests.schemas.wire.feeding import IP, RECEIVED_AT, Fed, feed, post, relabelled

CASES = json.loads((Path(__file__).parent / "cases" / "eventbunker.json").read_text())
HEADERS = {"x-eventbunker-write-key": " WK "}


def names(case: dict[str, Any]) -> str:
    return str(case["name"])


def send(body: Any) -> Fed:
    return feed(eventbunker, post(eventbunker, "/post", body, HEADERS))


@pytest.mark.parametrize("case", CASES["events"], ids=names)
def test_an_event(case: dict[str, Any]) -> None:
    case = dict(case)
    event, wanted = case.pop("event"), dict(case.pop("is"))
    expected = Event(
        "track",
        wanted.pop("event_type", "e"),
        details={"ip": IP} | wanted.pop("details", {}),
        profiled=False,
        **wanted,
    )
    for path in ("/post", "/post/"):
        for request in relabelled(post(eventbunker, path, event, HEADERS)):
            fed = feed(eventbunker, request)
            assert fed.event == expected
            assert (fed.claim.by, fed.claim.credential) == ("key", "WK")
            assert fed.answer == {
                "unique_req_id": fed.raws[0].event_id,
                "time_recorded": RECEIVED_AT,
            }
            for name, value in case.get("raw", {}).items():
                assert getattr(fed.raws[0], name) == value
    assert set(case) <= {"name", "raw"}, "leftover keys"


@pytest.mark.parametrize("case", CASES["refused"], ids=names)
def test_a_refusal_says_what_is_wrong(case: dict[str, Any]) -> None:
    case = dict(case)
    body = case.pop("text").encode() if "text" in case else case.pop("event")
    fed = send(body)
    assert (fed.reply.status, fed.code) == (400, case.pop("code"))
    assert case.pop("says") in fed.answer["error"]
    assert set(case) == {"name"}, "leftover keys"


@pytest.mark.parametrize("headers", [{}, {"x-eventbunker-write-key": " "}])
def test_without_a_key_401(headers: dict[str, str]) -> None:
    fed = feed(eventbunker, post(eventbunker, "/post", {"event_name": "e"}, headers))
    assert (fed.reply.status, fed.code) == (401, "key-missing")


def test_the_three_texts_of_401_differ() -> None:
    request = post(eventbunker, "/post", b"")
    texts = set()
    for code in ("key-missing", "key-unknown", "key-wrong-type"):
        reply = eventbunker.refuse(Refused(code, "m"), request)
        assert reply.status == 401
        texts.add(json.loads(reply.body)["error"])
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Malformed("body-too-large", "m", status=413), 413),
        (Refused("protocol-mismatch", "m", status=403), 403),
        (Unavailable("broker-unavailable", "m"), 503),
        (HeadraceError("bug", "m"), 500),
    ],
)
def test_other_errors(error: HeadraceError, status: int) -> None:
    reply = eventbunker.refuse(error, post(eventbunker, "/post", b""))
    assert reply.status == status
    assert json.loads(reply.body) == {"error": "m", "code": error.code, "status": status}
    assert (("Retry-After", "1") in reply.headers) is (status == 503)


def test_width_is_refused_at_the_edge() -> None:
    assert send({"event_name": "e"} | {str(n): n for n in range(2000)}).code == "too-many-keys"


def test_a_line_that_no_edge_checked_is_malformed() -> None:
    with pytest.raises(Malformed) as caught:
        eventbunker.decode(RAW)
    assert caught.value.code == "missing"
