import json
from typing import Any

import pytest

from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.events import Event
from schemas.sources import Key
from schemas.vendor import Edge, Grant
from schemas.wire import filum
from tests.schemas.test_envelope import nested
from tests.schemas.wire.feeding import IDS, IP, SHOP, Fed, drawing, feed, post, relabelled

HEADERS = {"authorization": "Bearer WK"}
GOOD = {"event_name": "good", "event_type": "track", "user_id": "u9"}
GOOD_EVENT = Event("track", "good", user_id="u9", details={"ip": IP})


def send(body: Any) -> Fed:
    return feed(filum, post(filum, "/events", body, HEADERS))


@pytest.mark.parametrize(
    ("ids", "visitor"),
    [
        ({"user_id": "u1"}, "u1"),
        ({"user_id": "u1", "anonymous_id": "a1"}, "a1"),
        ({"user_id": 42, "anonymous_id": None}, "42"),
        ({"user_id": "u1", "event_type": "alias", "previous_id": "p1"}, "p1"),
        ({"user_id": "u1", "previous_id": "p1"}, "u1"),
    ],
)
def test_the_visitor_is_the_anonymous_one_first(ids: dict[str, Any], visitor: str) -> None:
    event = {"event_name": "e", "event_type": "track"} | ids
    for body, position in ((event, 0), ([event], 0), ([GOOD, event, GOOD], 1)):
        for request in relabelled(post(filum, "/events", body, HEADERS)):
            assert feed(filum, request).raws[position].visitor == visitor


def test_a_dead_letter_keeps_what_was_sent() -> None:
    bad = {"event_name": 5, "event_type": "track", "user_id": "u1"}
    fed = send([GOOD, bad, "text", GOOD])
    first, dead, text, last = fed.decoded
    assert first == last == GOOD_EVENT
    assert isinstance(dead, Malformed)
    assert isinstance(text, Malformed)
    assert (dead.code, text.code) == ("string-type", "dict-type")
    assert fed.raws[1].body == bad


def test_the_reason_names_the_element() -> None:
    assert "[0].event_name" in send([{"event_type": "track"}]).answer["error"]


def test_an_empty_array_is_fine() -> None:
    fed = send([])
    assert (fed.reply.status, fed.raws) == (200, ())


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic WK", "WK", "bearer\tWK"], ids=repr
)
def test_without_a_bearer_key_401(header: str) -> None:
    fed = feed(filum, post(filum, "/events", GOOD, {"authorization": header}))
    assert (fed.reply.status, fed.code) == (401, "key-missing")
    assert fed.answer["error"].startswith("Invalid API key: ")


def test_no_authorization_at_all() -> None:
    assert feed(filum, post(filum, "/events", GOOD)).code == "key-missing"


@pytest.mark.parametrize("header", ["Bearer WK", "bearer WK", " BEARER  WK "])
def test_the_scheme_is_read_in_any_case(header: str) -> None:
    fed = feed(filum, post(filum, "/events", GOOD, {"authorization": header}))
    assert (fed.claim.by, fed.claim.credential) == ("key", "WK")


@pytest.mark.parametrize("body", [b"", b"{", b"5"])
def test_a_body_that_holds_no_event(body: bytes) -> None:
    assert send(body).reply.status == 400


@pytest.mark.parametrize(
    ("error", "status", "error_code"),
    [
        (Malformed("json-invalid", "m"), 400, 40000),
        (Refused("key-unknown", "m"), 401, 40100),
        (Refused("source-disabled", "m"), 401, 40101),
        (Refused("origin-refused", "m", status=403), 403, 40300),
        (Malformed("body-too-large", "m", status=413), 413, 41300),
        (Unavailable("overloaded", "m"), 503, 50300),
        (HeadraceError("bug", "m"), 500, 50000),
    ],
)
def test_errors_are_what_every_sdk_parses(
    error: HeadraceError, status: int, error_code: int
) -> None:
    reply = filum.refuse(error, post(filum, "/events", b""))
    body = json.loads(reply.body)
    assert reply.status == body["statusCode"] == status
    assert body["code"] == error.code, "Python"
    assert body["message"] == [body["error"]], "Java: an array and a text"
    assert body["error"].endswith("m")
    assert body["error_code"] == error_code, "Android and iOS"
    assert (("Retry-After", "1") in reply.headers) is (status == 503)


def test_depth_is_refused_at_the_edge() -> None:
    deep = GOOD | {"context": {"a": nested(99)}}
    for body in (deep, [GOOD, deep]):
        assert send(body).code == "json-too-deep"


def test_a_single_event_travels_as_it_was_sent() -> None:
    body = b'{"event_name":"e",\r\n"event_type":"track","user_id":"u1","n":1.00}'
    request = post(filum, "/events", body, HEADERS)
    assert feed(filum, request).batch.drafts[0].body == body.replace(b"\r\n", b"  ")


def test_a_key_of_one_customer_is_refused() -> None:
    request = post(filum, "/events", GOOD, HEADERS)
    grant = Grant(SHOP, Key("k", "write", "h", customer="acme"))
    with pytest.raises(Refused) as caught:
        filum.split(filum.read(request), request, grant, Edge(drawing(), IDS))
    assert (caught.value.code, caught.value.status) == ("key-scoped", 401)
