"""Whom a dead letter is about, and whether they were erased."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.erasures import NOBODY, Named, Subjects, digest, named_in
from schemas.events import iso
from schemas.wire import vendor
from tests.schemas.test_envelope import RAW
from tests.schemas.values import json_objects

AT = 1_795_196_900_000
ANNA = digest("user", "shop", "anna")


def raw(**more: Any) -> bytes:
    """A raw event of EventBunker, as the edge writes it."""
    body = {"body": {"event_name": "sent", "price": 1}, "endpoint": "post"}
    known: dict[str, Any] = codec.loads(codec.dumps(RAW))
    return codec.dumps(known | body | more)


@pytest.mark.parametrize(
    ("original", "ids"),
    [
        (b'{"user":"anna","price":42}', {"anna"}),
        (b'{"user_id":42,"price":42,"ok":true}', {"42"}),
        (
            b'{"a":[{"note":"far too long for chance"},{"note":"short"}]}',
            {"far too long for chance"},
        ),
        (b'{"ids":{"anonymous":["d1"]}}', {"d1"}),
        (b"no json", set()),
        (b"\xff", set()),
    ],
)
def test_what_nobody_can_read_is_searched(original: bytes, ids: set[str]) -> None:
    assert set(named_in(original, vendor, AT).users) == ids
    assert named_in(original, vendor, AT).received_at == AT


@pytest.mark.parametrize(
    "request_",
    [
        {"body": '{"data": {"customer": "anna"}}'},
        {"body": '[{"note": "[{\\"user\\":\\"anna\\"}]"}]'},
        {"body": '{"user": "bert"}\n{"user": "anna"}\n'},
        {"body": "kind=1&user=anna&at=2"},
        {"body": "payload=%7B%22user%22%3A+%22anna%22%7D"},
        {"body": '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n{"user":"anna"}\r\n--b--'},
        {"base64": b64encode(b'\xff\n{"user":"anna"}').decode()},
        {"query": {"user": "anna"}, "body": ""},
        {"path": {"customer": "anna"}, "body": ""},
    ],
)
def test_a_request_that_no_script_understood_is_opened(request_: dict[str, Any]) -> None:
    line = raw(protocol="webhooks", endpoint="collect", batch={"webhook": "pay"}, body=request_)
    named = named_in(line, vendor, AT)
    assert "anna" in named.users
    assert Subjects({}, {ANNA: named.received_at}).has("shop", named)


def test_addresses_are_found_beside_names() -> None:
    line = raw(protocol="webhooks", body={"body": "from=Anna+%3Canna%40example.org%3E"})
    assert "anna@example.org" in named_in(line, vendor, AT).users


def test_the_time_of_receipt_is_read_where_it_is() -> None:
    for value in (AT - 1, iso(AT - 1)):
        line = codec.dumps({"received_at": value, "profile_id": "p1"})
        assert named_in(line, vendor, AT).received_at == AT - 1
    assert named_in(b'{"received_at":"soon"}', vendor, AT).received_at == AT


def test_a_raw_event_is_read_as_its_vendor_does() -> None:
    named = named_in(raw(protocol="eventbunker", profile_id="p1", session_id="s1"), vendor, AT)
    assert (named.profiles, named.sessions) == (("p1",), ("s1",))
    assert "sent" not in named.users
    assert "s1" in named_in(raw(protocol="none-such", session_id="s1"), vendor, AT).sessions


@pytest.mark.parametrize(
    ("named", "source_id", "is_theirs"),
    [
        (Named(AT, profiles=("p1",)), "any", True),
        (Named(AT + 1, profiles=("p1",)), "any", False),
        (Named(AT, users=("anna",)), "shop", True),
        (Named(AT, users=("anna",)), "other", False),
        (Named(AT, visitors=("anna",)), "shop", False),
        (Named(AT, users=("bert",), sessions=("s1",)), "shop", False),
        (Named(AT), "shop", False),
    ],
)
def test_what_was_received_until_then_is_theirs(
    named: Named, source_id: str, is_theirs: bool
) -> None:
    subjects = Subjects({"p1": AT}, {ANNA: AT})
    assert subjects.has(source_id, named) is is_theirs
    assert subjects
    assert not NOBODY


@given(st.one_of(st.binary(), json_objects.map(codec.dumps)))
def test_whatever_a_letter_holds_it_is_looked_into(original: bytes) -> None:
    assert named_in(original, vendor, AT).received_at is not None
