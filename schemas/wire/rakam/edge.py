"""Rakam at the edge: a request read, and taken apart into events."""

from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed, Refused
from schemas.reading import (
    JsonObject,
    as_object,
    bound,
    bound_line,
    id_text,
    parse_object,
    required,
)
from schemas.vendor import Batch, Claim, Draft, Edge, Grant, Request, Route
from schemas.wire.rakam import checksum
from schemas.wire.rakam.element import collection_of, moment, properties_of, traits_of, user_of

MAX_BATCH_BYTES: Final = 500_000
"""Above it 413, which makes every tracker halve its batch."""

ROUTES: tuple[Route, ...] = (
    Route("/event/collect", "collect"),
    Route("/event/batch", "batch", max_bytes=MAX_BATCH_BYTES),
    Route("/user/set_properties", "set_properties"),
    Route("/user/set_properties_once", "set_properties_once"),
)

_KEY_NAMES: Final = ("api_key", "apiKey", "writeKey")
"""The first since 2016-05-31, the others before."""
_BODY: Final = ("body",)


def read(request: Request) -> Claim:
    """Check the request's own shape; find the write key.

    Raises:
        Malformed: json-invalid, missing, dict-type, list-type, property-invalid,
            checksum-invalid; for a single event also what is wrong with it.
        Refused: ``key-missing``.
    """
    body = parse_object(request.body)
    api = as_object(required(body, "api", _BODY), ("body", "api"))
    if request.endpoint == "batch":
        _check_batch(body)
    elif request.endpoint == "collect":
        collection_of(body)
        moment(properties_of(body).get("_time"))
    else:
        user_of(body)
        traits_of(body)
    key = _key(api)
    if request.endpoint == "batch":
        checksum.verify(api, key, request.body)
    return Claim("key", key, body)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Make a draft of each event, whatever it looks like; they share ``api`` without its key.

    Raises:
        Malformed: the one event of a request is too deep or too wide, or any is nested beyond
            what can be written as JSON at all.
    """
    body: JsonObject = claim.payload
    shared = codec.dumps(_shared(body["api"], request))
    if request.endpoint == "batch":
        return Batch(tuple([_draft(event, edge) for event in body["events"]]), shared)
    event = {name: value for name, value in body.items() if name != "api"}
    bound(event)
    if request.endpoint == "collect":
        return Batch((_draft(event, edge),), shared)
    return Batch((Draft(codec.dumps(event), visitor=user_of(event)),), shared)


def _check_batch(body: JsonObject) -> None:
    for name in body:
        if name not in {"api", "events"}:
            raise Malformed("property-invalid", f"Invalid property '{name}'", where=(*_BODY, name))
    if type(required(body, "events", _BODY)) is not list:
        raise Malformed("list-type", "events must be a JSON array", where=(*_BODY, "events"))


def _key(api: JsonObject) -> str:
    for name in _KEY_NAMES:
        key = api.get(name)
        if type(key) is str and key.strip():
            return key.strip()
    raise Refused("key-missing", "put the write key into api.api_key")


def _without_key(api: JsonObject) -> JsonObject:
    return {name: value for name, value in api.items() if name not in _KEY_NAMES}


def _shared(api: JsonObject, request: Request) -> JsonObject:
    shared: JsonObject = {"api": _without_key(api)}
    bound_line(codec.dumps(shared), shared)
    referrer = request.headers.get("referer")
    return shared | {"referrer": referrer} if referrer else shared


def _draft(event: Any, edge: Edge) -> Draft:
    """Find what the edge needs in an event that may be anything at all."""
    properties = event.get("properties") if type(event) is dict else None
    if type(properties) is not dict:
        return Draft(_line(event), visitor=edge.new_id())
    device = id_text(properties.get("_device_id"))
    visitor = device or id_text(properties.get("_user")) or edge.new_id()
    return Draft(
        _line(event),
        visitor,
        message_id=_message_id(event, properties, device),
        session_id=_session(visitor, properties.get("_session_id")),
    )


def _line(event: Any) -> bytes:
    own = event.get("api") if type(event) is dict else None
    if type(own) is dict:
        event = event | {"api": _without_key(own)}
    return codec.dumps(event)


def _message_id(event: JsonObject, properties: JsonObject, device: str) -> str:
    """The client's id; the mobile trackers' counter is one per device and moment only."""
    given = id_text(properties.get("_id"))
    if given or not device or event.get("event_id") is None:
        return given
    return f"{device}:{id_text(event['event_id'])}:{id_text(properties.get('_time'))}"


def _session(visitor: str, session: Any) -> str:
    """Trackers number sessions by their start in ms, so they are one per visitor only.

    -1 is Android's word for "outside a session".
    """
    text = id_text(session)
    return f"{visitor}:{text}" if text and text != "-1" else ""
