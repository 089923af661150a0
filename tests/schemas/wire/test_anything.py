"""The invariant: events or Malformed or Refused, never anything else, whatever the bytes."""

import copy
import json
from dataclasses import replace
from typing import Any, cast, get_args
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, envelope
from schemas.commands import Command
from schemas.errors import Malformed, Refused
from schemas.events import DETAILS, Event, clamp_time, iso
from schemas.vendor import Caller, Grant, Request, Route, Vendor
from schemas.wire import vendor
from tests.schemas.test_envelope import RAW
from tests.schemas.values import json_objects, json_values
from tests.schemas.wire.feeding import RECEIVED_AT, SHOP, feed
from tests.schemas.wire.laws import CALLING, COLLECTING, LINK, check_shape, each_of, request_of
from tests.system.captures import recorded

WORDS = (
    *("source", "id", "session", "profile", "events", "type", "time", "create", "insert"),
    *("properties", "context", "options", "tags", "device", "page", "url", "utm", "referer"),
    *("api", "api_key", "checksum", "upload_time", "library", "collection", "event_id"),
    *("_time", "_user", "_device_id", "_session_id", "_ip", "_referrer", "master_key", "users"),
    *("api.api_key", "prop._time", "prop._ip", "property", "value", "data", "fields", "lock_key"),
    *("set_properties", "increment_properties", "unset_properties", "$set", "$add", "$unset"),
    *("event_name", "event_type", "event_params", "key", "value", "int_value", "datetime_value"),
    *("user_id", "anonymous_id", "timestamp", "sent_at", "customer_identifier", "metric_name"),
)
SEEDS: list[tuple[str, str, Any]] = [
    *(
        (name, urlsplit(sent.target).path, sent.json)
        for name, client in (
            ("tracardi", "tracardi-browser"),
            ("rakam", "rakam-browser"),
            ("filum", "filum-node"),
        )
        for sent in recorded(client)
        if sent.method == "POST"
    ),
    ("rakam", "/event/collect", {"api": {"api_key": "WK"}, "collection": "c", "properties": {}}),
    ("tracardi", "/collect/{type}/{source}", {"a": {"b": [1]}}),
    ("tracardi", "/redirect/{redirect}/{session}", {"a": {"b": [1]}}),
    (
        "own",
        "/v1/events",
        {
            "context": {"page": {"url": "https://s.example/"}},
            "events": [{"name": "e", "user_id": "u", "changes": {"set": {"a": 1}}}],
        },
    ),
    ("eventbunker", "/post", {"event_name": "e", "a": {"b": [1]}, "timestamp": "2026-11-20"}),
]
vendor_words = st.dictionaries(st.sampled_from(WORDS), json_values, max_size=6)
values = st.recursive(
    json_values,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=8,
)


def check_event(event: Event) -> None:
    assert event.event_type
    assert set(event.details) <= DETAILS
    assert all(type(text) is str and text for text in event.details.values())
    assert isinstance(event.properties, dict)
    assert isinstance(event.context, dict)
    for text in (event.user_id, event.anonymous_id, event.group_id, *event.tags, *event.errors):
        assert type(text) is str
    iso(clamp_time(event.event_time, RECEIVED_AT))
    if event.sent_at is not None:
        iso(event.sent_at)


def check_law(vendor_module: Vendor, request: Request) -> None:
    fed = feed(vendor_module, request, redirect=LINK)
    check_shape(vendor_module, fed.reply)
    assert isinstance(fed.error, Malformed | Refused | None)
    assert len(fed.decoded) == len(fed.batch.drafts)
    for each in fed.decoded:
        if isinstance(each, Event):
            check_event(each)


def check_call(vendor_module: Vendor, request: Request) -> None:
    """Every call is a command or a refusal; the query and the body may be anything."""
    caller = cast("Caller", vendor_module)
    try:
        claim = caller.read(request)
        grant = Grant(SHOP) if claim.by == "key" else None
        command = caller.command(claim, request, grant)
    except (Malformed, Refused) as error:
        reply = caller.refuse(error, request)
        check_shape(vendor_module, reply)
        assert reply.status >= 400
    else:
        assert isinstance(command, get_args(Command))


queries = st.dictionaries(
    st.sampled_from(WORDS) | st.text(max_size=3), st.lists(st.text(max_size=5), min_size=1)
)


@each_of(COLLECTING)
@given(body=st.binary(), query=queries)
@settings(max_examples=40)
def test_arbitrary_bytes(
    vendor_module: Vendor, route: Route, method: str, body: bytes, query: dict[str, list[str]]
) -> None:
    check_law(vendor_module, request_of(route, body, None, method, query))


@each_of(COLLECTING)
@given(body=values, label=st.sampled_from(["", "text/plain", "multipart/form-data; boundary=x"]))
@settings(max_examples=40)
def test_arbitrary_json(
    vendor_module: Vendor, route: Route, method: str, body: Any, label: str
) -> None:
    line = json.dumps(body).encode()
    check_law(vendor_module, request_of(route, line, {"content-type": label}, method))


@each_of(CALLING)
@given(body=st.binary() | values.map(codec.dumps), query=queries)
@settings(max_examples=20)
def test_arbitrary_calls(
    vendor_module: Vendor, route: Route, method: str, body: bytes, query: dict[str, list[str]]
) -> None:
    check_call(vendor_module, request_of(route, body, None, method, query))


OPENINGS = (b"[", b'{"a":', b'{"events":[', b'[{"a":')


@each_of([each for each in COLLECTING if each[2] in {"POST", "PUT"}])
@pytest.mark.parametrize("opening", OPENINGS)
def test_ten_megabytes_of_depth(
    vendor_module: Vendor, route: Route, method: str, opening: bytes
) -> None:
    """No redirect of a visitor fails for what his browser posts; all else is refused.

    A webhook's body is nobody's to read at the edge: it is kept as text, or is too large.
    """
    body = opening * (10_000_000 // len(opening))
    fed = feed(vendor_module, request_of(route, body, method=method), redirect=LINK)
    unread = vendor_module.NAME == "webhooks"
    assert isinstance(fed.error, Malformed) or fed.reply.status in {200, 307} or unread


@each_of([each for each in CALLING if each[2] in {"POST", "PUT", "PATCH"}])
@pytest.mark.parametrize("opening", OPENINGS)
def test_calls_with_ten_megabytes_of_depth(
    vendor_module: Vendor, route: Route, method: str, opening: bytes
) -> None:
    body = opening * (10_000_000 // len(opening))
    check_call(vendor_module, request_of(route, body, method=method))


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [at, *(path for key, item in inner for path in paths(item, (*at, key)))]


@st.composite
def near_valid(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A recorded request with one value replaced by another of any kind."""
    name, path, seed = draw(st.sampled_from(SEEDS))
    place = draw(st.sampled_from(paths(seed)))
    replacement = draw(values)
    if not place:
        return name, path, replacement
    body = copy.deepcopy(seed)
    holder = body
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = replacement
    return name, path, body


@given(near_valid())
@settings(max_examples=400)
def test_near_valid_requests(case: tuple[str, str, Any]) -> None:
    name, path, body = case
    module = vendor(name)
    assert module is not None
    (route,) = {route.path: route for route in module.ROUTES if route.path == path}.values()
    check_law(module, request_of(route, json.dumps(body).encode()))


@each_of([each for each in COLLECTING if each[2] == each[1].methods[0]])
@given(body=values | vendor_words, batch=values | json_objects)
def test_decoding_lines_that_no_edge_wrote(
    vendor_module: Vendor, route: Route, method: str, body: Any, batch: Any
) -> None:
    raw = replace(RAW, protocol=vendor_module.NAME, endpoint=route.endpoint, body=body, batch=batch)
    try:
        event = vendor_module.decode(envelope.read(codec.dumps(raw)))
    except Malformed:
        return
    check_event(event)
