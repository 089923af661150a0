"""``/event/collect`` and ``/event/batch`` at the edge, and what other ways share with them."""

from collections.abc import Iterable
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.reading import JsonObject, bound_line, id_text, parse_object, required
from schemas.topics import MAX_EVENT_BYTES
from schemas.vendor import Batch, Claim, Draft, Edge, Grant, Request, bound_events
from schemas.wire.rakam import checksum, credentials, spiders
from schemas.wire.rakam.element import collection_of, moment, properties_of
from schemas.wire.rakam.retries import Retries

_BODY: Final = ("body",)
_MAX_HEADER: Final = 2048
_MAX_ONE: Final = 2 * MAX_EVENT_BYTES
"""Room for white space and for ``api`` around one event."""
_MAX_BODIES: Final = 32 << 20
_MAX_SCANNED: Final = 64 << 10


def read_one(request: Request) -> Claim:
    """Check one event; find its key.

    Raises:
        Malformed: missing, json-invalid, json-too-deep, too-many-keys, dict-type,
            property-invalid, collection-invalid, name-invalid or spider (403).
        Refused: ``key-missing``.
    """
    body = parse_one(request)
    # before anything is made of its names: nobody is known to have a key yet
    bound_line(request.body, body)
    once(request.body)
    _, key = credentials.of_body(request, body)
    check_event(body, request)
    return Claim("key", key, body)


def check_event(event: JsonObject, request: Request) -> None:
    """Check an event that is alone in its request, as far as Rakam checks it.

    Raises:
        Malformed: property-invalid, collection-invalid, dict-type, name-invalid, spider (403).
    """
    collection_of(event)
    found = properties_of(event)
    moment(found.get("_time"))
    spiders.refuse(found.get("_user_agent"), request.headers.get("user-agent", ""))


def read_batch(request: Request) -> Claim:
    """Check the shape around the events; find the key.

    Raises:
        Malformed: missing, json-invalid, dict-type, list-type, property-invalid or spider (403).
        Refused: ``key-missing``.
    """
    body = parse_object(request.body)
    _, key = credentials.of_body(request, body)
    for name in body:
        if name not in {"api", "events"}:
            raise Malformed("property-invalid", f"Invalid property '{name}'", where=(*_BODY, name))
    if type(required(body, "events", _BODY)) is not list:
        raise Malformed("list-type", "events must be a JSON array", where=(*_BODY, "events"))
    agent = request.headers.get("user-agent", "")
    if spiders.is_spider(agent) and body["events"] and all(map(_asks_agent, body["events"])):
        spiders.refuse(agent, agent)
    return Claim("key", key, body)


def split_one(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Make the one event's draft.

    Raises:
        Malformed: ``api`` is too deep or too wide.
    """
    body: JsonObject = claim.payload
    event = {name: value for name, value in body.items() if name != "api"}
    return Batch(drafts([event], edge, derive=True), shared(body.get("api"), request))


def split_batch(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make a draft of each event, whatever it looks like; they share ``api`` without its key.

    Raises:
        Malformed: ``api`` is too deep or too wide, or an event is nested beyond what can be
            written as JSON at all, or there are too many; ``checksum-invalid``.
    """
    body: JsonObject = claim.payload
    bound_events(len(body["events"]), grant.source)
    derive = request.endpoint == "batch"
    if derive:  # here and not in read, since it takes its time and anybody may send it
        checksum.verify(body.get("api") or {}, claim.credential, request.body)
    return Batch(drafts(body["events"], edge, derive=derive), shared(body.get("api"), request))


def parse_one(request: Request) -> JsonObject:
    """Parse what holds one event at most, unless it is too large for one.

    Raises:
        Malformed: event-too-large (413), missing, json-invalid or dict-type.
    """
    if len(request.body) > _MAX_ONE:
        raise Malformed(
            "event-too-large", f"an event has at most {MAX_EVENT_BYTES} bytes", status=413
        )
    return parse_object(request.body)


def once(body: bytes) -> None:
    """Refuse an event that gives ``api`` twice; in what no tracker's event weighs the last counts.

    Raises:
        Malformed: ``property-invalid``.
    """
    if len(body) <= _MAX_SCANNED and body.count(b'"api"') > 1 and checksum.count(body, "api") > 1:
        raise Malformed("property-invalid", "api is given twice", where=(*_BODY, "api"))


def shared(api: Any, request: Request) -> bytes:
    """What the events of a request share: ``api`` without keys, and the page they come from.

    Raises:
        Malformed: json-too-deep, too-many-keys or json-unserialisable.
    """
    value: JsonObject = {"api": credentials.without_key(api) if type(api) is dict else {}}
    line = codec.dumps(value)
    bound_line(line, value)
    pages = {
        name: text[:_MAX_HEADER]
        for name, header in (("referrer", "referer"), ("origin", "origin"))
        if (text := request.headers.get(header, ""))
    }
    return codec.dumps(value | pages) if pages else line


def drafts(events: Iterable[Any], edge: Edge, *, derive: bool) -> tuple[Draft, ...]:
    """Find what the edge needs in events that may be anything at all.

    Raises:
        Malformed: json-unserialisable; ``body-too-large`` (413) for rows of a file, each of which
            repeats the names of its columns.
    """
    retries = Retries(derive=derive)
    found: list[Draft] = []
    weight = 0
    for event in events:
        draft = _draft(event, edge, retries)
        weight += len(draft.body)
        if weight > _MAX_BODIES:
            raise Malformed("body-too-large", "send fewer events per request", status=413)
        found.append(draft)
    return tuple(found)


def _draft(event: Any, edge: Edge, retries: Retries) -> Draft:
    line = _line(event)
    properties = event.get("properties") if type(event) is dict else None
    if type(properties) is not dict:
        return Draft(line, visitor=edge.new_id())
    device = id_text(properties.get("_device_id"))
    visitor = device or id_text(properties.get("_user")) or edge.new_id()
    return Draft(
        line,
        visitor,
        message_id=retries.message_id(event, properties, device, line),
        session_id=_session(visitor, properties.get("_session_id")),
    )


def _line(event: Any) -> bytes:
    own = event.get("api") if type(event) is dict else None
    if type(own) is dict:
        event = event | {"api": credentials.without_key(own)}
    return codec.dumps(event)


def _session(visitor: str, session: Any) -> str:
    """Trackers number sessions by their start in ms, so they are one per visitor only.

    -1 is Android's word for "outside a session".
    """
    text = id_text(session)
    return f"{visitor}:{text}" if text and text != "-1" else ""


def _asks_agent(event: Any) -> bool:
    properties = event.get("properties") if type(event) is dict else None
    return type(properties) is dict and properties.get("_user_agent") is True
