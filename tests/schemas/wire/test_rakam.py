import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import Malformed, Refused, Unavailable
from schemas.events import Event
from schemas.wire import rakam
from schemas.wire.rakam import checksum
from schemas.wire.rakam.names import column
from tests.schemas.test_envelope import nested
from tests.schemas.values import json_values
from tests.schemas.wire.feeding import RECEIVED_AT, Fed, feed, post, relabelled

TABLE = (Path(__file__).parent / "cases" / "rakam.json").read_text()
CASES = json.loads(TABLE.replace('"LONG"', json.dumps("x" * 1025)))
HEADERS = {"user-agent": "Browser/1", "referer": "https://Ref.example/a"}
GOOD = {"collection": "good", "properties": {"_user": "u9"}}


def names(case: dict[str, Any]) -> str:
    return str(case["name"])


def collect(event: dict[str, Any], **api: Any) -> Fed:
    body = {"api": {"api_key": "WK", **api}, **event}
    return feed(rakam, post(rakam, "/event/collect", body, HEADERS))


def batch(*events: Any, **api: Any) -> Fed:
    body = {"api": {"api_key": "WK", **api}, "events": events}
    return feed(rakam, post(rakam, "/event/batch", body, HEADERS))


def user_call(body: dict[str, Any], path: str = "/user/set_properties") -> Fed:
    return feed(rakam, post(rakam, path, {"api": {"api_key": "WK"}, **body}))


@pytest.mark.parametrize("case", CASES["events"], ids=names)
def test_an_event(case: dict[str, Any]) -> None:
    """Alone, in a batch of one and of three; ``api`` first and last; labels that lie."""
    case = dict(case)
    event, wanted = case.pop("event"), dict(case.pop("is"))
    expected = Event(
        wanted.pop("kind", "track"), wanted.pop("event_type", "c"), flat=True, **wanted
    )
    api = {"api": {"api_key": "WK"}}
    ways: list[tuple[str, Any, int]] = [
        ("/event/collect", event | api, 0),
        ("/event/collect", api | event, 0),
        ("/event/batch", api | {"events": [event]}, 0),
        ("/event/batch", {"events": [GOOD, event, GOOD]} | api, 1),
    ]
    for path, body, position in ways:
        for request in relabelled(post(rakam, path, body, HEADERS)):
            fed = feed(rakam, request)
            assert fed.events[position] == expected
            assert fed.reply.body == b"1"
            for name, value in case.get("raw", {}).items():
                assert getattr(fed.raws[position], name) == value.strip()
    assert set(case) <= {"name", "raw"}, "leftover keys"


@pytest.mark.parametrize("case", CASES["refused"], ids=names)
def test_a_bad_event_is_refused_alone_and_a_dead_letter_in_a_batch(case: dict[str, Any]) -> None:
    case = dict(case)
    event, code = case.pop("event"), case.pop("code")
    alone = collect(event)
    assert (alone.reply.status, alone.code) == (400, code)
    assert alone.answer["error"] == case.pop("error", alone.answer["error"])
    assert set(case) == {"name"}, "leftover keys"
    fed = batch(GOOD, event, GOOD)
    assert (fed.reply.status, fed.reply.body) == (200, b"1")
    first, dead, last = fed.decoded
    assert isinstance(dead, Malformed)
    assert dead.code == code
    assert first == last == Event("track", "good", user_id="u9", flat=True)
    assert fed.raws[1].body == event, "kept as it was sent"


@pytest.mark.parametrize("element", [None, 5, "x", [], [[1]], True])
def test_an_element_that_is_no_object_is_a_dead_letter(element: Any) -> None:
    fed = batch(element)
    assert fed.reply.body == b"1"
    (dead,) = fed.decoded
    assert isinstance(dead, Malformed)
    assert fed.raws[0].body == element


@pytest.mark.parametrize("case", CASES["batches"], ids=names)
def test_a_batchs_own_shape(case: dict[str, Any]) -> None:
    case = dict(case)
    body = case.pop("text").encode() if "text" in case else case.pop("body")
    fed = feed(rakam, post(rakam, "/event/batch", body))
    assert fed.reply.status == case.pop("status")
    if fed.error is None:
        assert fed.reply.body == b"1"
        assert fed.claim.credential == "WK"
        assert fed.raws == ()
    else:
        assert fed.code == case.pop("code")
        assert fed.answer["error"].startswith(case.pop("error", ""))
    assert set(case) == {"name"}, "leftover keys"


def test_only_a_batch_has_a_content_type_and_a_limit() -> None:
    assert collect(GOOD).reply.content_type == ""
    assert batch(GOOD).reply.content_type == "application/json"
    assert {route.max_bytes for route in rakam.ROUTES if route.endpoint == "batch"} == {500_000}


@pytest.mark.parametrize("upload_time", [RECEIVED_AT - 5000, str(RECEIVED_AT - 5000)])
def test_the_devices_clock_is_corrected(upload_time: Any) -> None:
    timed = {"collection": "c", "properties": {"_time": RECEIVED_AT - 7000}}
    for fed in (collect(timed, upload_time=upload_time), batch(timed, upload_time=upload_time)):
        assert fed.event.event_time == RECEIVED_AT - 2000
        assert fed.event.sent_at == RECEIVED_AT - 5000
        assert fed.event.errors == ()


def test_a_clock_without_an_event_time_corrects_nothing() -> None:
    event = collect({"collection": "c", "properties": {}}, upload_time=5.0).event
    assert (event.event_time, event.sent_at) == (None, 5)


@pytest.mark.parametrize("upload_time", [True, "soon", [], "9" * 30])
def test_an_unreadable_upload_time_is_noted(upload_time: Any) -> None:
    timed = {"collection": "c", "properties": {"_time": RECEIVED_AT - 7000}}
    event = batch(timed, upload_time=upload_time).event
    assert (event.event_time, event.sent_at) == (RECEIVED_AT - 7000, None)
    assert len(event.errors) == 1


def test_an_elements_own_api_adds_to_the_requests_and_loses_its_key() -> None:
    own = {"api_key": "OTHER", "library": {"name": "ios", "version": "4"}}
    fed = batch({**GOOD, "api": own}, upload_time=RECEIVED_AT - 1)
    assert fed.event.sent_at == RECEIVED_AT - 1
    assert fed.event.details == {"library": "ios", "library_version": "4"}
    assert "OTHER" not in str(fed.raws)
    assert fed.claim.credential == "WK"


@pytest.mark.parametrize("path", ["/user/set_properties", "/user/set_properties_once"])
def test_user_calls_are_identify_events(path: str) -> None:
    body = {"id": 42, "properties": {"firstName": "A", "id": 7}}
    fed = user_call(body, path)
    assert fed.event == Event(
        "identify",
        path.removeprefix("/user/"),
        user_id="42",
        properties={"first_name": "A", "_id": 7},
        context={"$set_once" if "once" in path else "$set": {"first_name": "A", "_id": 7}},
        changes={"set_once" if "once" in path else "set": {"first_name": "A", "_id": 7}},
    )
    assert fed.raws[0].visitor == "42"
    assert fed.raws[0].body == body
    assert (fed.reply.status, fed.reply.body) == (200, b"1")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"properties": {}}, "missing"),
        ({"id": None, "properties": {}}, "property-invalid"),
        ({"id": True, "properties": {}}, "property-invalid"),
        ({"id": " ", "properties": {}}, "property-invalid"),
        ({"id": "x" * 1025, "properties": {}}, "property-invalid"),
        ({"id": "u1"}, "dict-type"),
        ({"id": "u1", "properties": {"名": 1}}, "name-invalid"),
    ],
)
def test_bad_user_calls(body: dict[str, Any], code: str) -> None:
    fed = user_call(body)
    assert (fed.reply.status, fed.code) == (400, code)


def signed(events: bytes, api: str, digest_of: bytes, *, upper: bool = False) -> dict[str, bytes]:
    digest = hashlib.md5(digest_of + events, usedforsecurity=False).hexdigest()
    digest = digest.upper() if upper else digest
    head = f'"api": {{{api}, "checksum": "{digest}"}}'.encode()
    return {
        "api first": b"{" + head + b', "events" :  ' + events + b" }",
        "events first": b'{ "events":' + events + b"," + head + b"}",
        "escaped name": b"{" + head + rb', "\u0065vents":' + events + b"}",
        "name as a value": b'{"events": "events", ' + head + b',"events":' + events + b"}",
    }


TRICKY = (
    r'[ {"collection" : "a\"]}{[", "properties": {"events": [1, "events"], "x": 1.0e0}},'
    "\n  "
    r'{"properties": {"\\": "[", "é": []}, "collection": "\\\\"} ]'
).encode()


@pytest.mark.parametrize("upper", [True, False])
def test_a_checksum_is_over_the_raw_bytes_in_any_key_order(upper: bool) -> None:
    api = '"api_key": "WK", "api_version": "3", "upload_time": "1795195786167"'
    for body in signed(TRICKY, api, b"WK31795195786167", upper=upper).values():
        fed = feed(rakam, post(rakam, "/event/batch", body))
        assert (fed.reply.status, len(fed.raws)) == (200, 2)
        wrong = body.replace(b"1.0e0", b"1.0")
        refused = feed(rakam, post(rakam, "/event/batch", wrong))
        assert (refused.reply.status, refused.answer["error"]) == (400, "Checksum is invalid")


def test_numbers_are_signed_as_decimal_text_and_absent_parts_as_nothing() -> None:
    for api, digest_of in (
        ('"api_key": "WK", "api_version": 1, "upload_time": 5.0', b"WK15"),
        ('"api_key": "WK", "api_version": null, "upload_time": true', b"WK"),
    ):
        for body in signed(b"[]", api, digest_of).values():
            assert feed(rakam, post(rakam, "/event/batch", body)).reply.body == b"1"


@pytest.mark.parametrize("given", ["", "nonsense", 5, [], True])
def test_a_wrong_checksum_is_refused(given: Any) -> None:
    assert batch(GOOD, checksum=given).code == "checksum-invalid"


def test_no_checksum_is_fine() -> None:
    assert batch(GOOD, checksum=None).reply.status == 200


@given(st.lists(json_values), json_values, st.booleans(), st.sampled_from([None, 1]))
def test_the_events_are_cut_out_of_any_request(
    events: list[Any], other: Any, before: bool, indent: int | None
) -> None:
    value = {"other": other, "events": events} if before else {"events": events, "other": other}
    document = json.dumps(value, indent=indent).encode()
    cut = checksum.member(document, "events")
    assert cut[:1] + cut[-1:] == b"[]"
    assert cut in document
    assert codec.loads(cut) == events


def test_a_member_that_is_not_there_is_nothing() -> None:
    assert checksum.member(b'{"a": ["events"], "b": "events"}', "events") == b""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("key-unknown", "m"), 403),
        (Refused("source-disabled", "m"), 403),
        (Malformed("body-too-large", "m", status=413), 413),
        (Malformed("inflate-failed", "m"), 400),
        (Unavailable("broker-unavailable", "m"), 503),
    ],
)
def test_errors_have_the_shapes_of_both_generations(error: Any, status: int) -> None:
    reply = rakam.refuse(error, post(rakam, "/event/batch", b""))
    assert reply.status == status
    body = json.loads(reply.body)
    assert body["errors"][0]["title"] == body["error"]
    assert body["error"] == ("m; send large batches to /event/bulk" if status == 413 else "m")
    assert body["error_code"] == status
    assert (("Retry-After", "1") in reply.headers) is (status == 503)


def test_depth_is_refused_alone_and_a_dead_letter_in_a_batch() -> None:
    deep = {"collection": "c", "properties": {"a": {"b": nested(99)}}}
    assert collect(deep).code == "json-too-deep"
    first, dead = batch(GOOD, deep).decoded
    assert isinstance(first, Event)
    assert isinstance(dead, Malformed)
    assert dead.code == "json-too-deep"
    assert batch(GOOD, library=nested(110)).code == "json-too-deep"
    assert batch(GOOD, nested(300)).code == "json-unserialisable"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pageURL", "page_url"),
        ("HTTPServer", "httpserver"),
        ("_ip", "_ip"),
        ("  two ", " two"),
        ("ÉtéLong", "ete_long"),
        ("a b-c.d", "a b-c.d"),
    ],
)
def test_column_names(name: str, expected: str) -> None:
    assert column(name) == expected


def test_long_names_are_refused() -> None:
    with pytest.raises(Malformed):
        column("x" * 257)
