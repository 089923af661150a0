"""The protocol at the edge: a batch read, taken apart and answered."""

from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed, Refused
from schemas.reading import (
    JsonObject,
    Where,
    as_word,
    bound_line,
    id_text,
    optional_object,
    parse_object,
    required,
)
from schemas.vendor import (
    Batch,
    Claim,
    Draft,
    Edge,
    Grant,
    Reply,
    Request,
    Route,
    bound_events,
    of_today,
)
from schemas.wire.own.event import check, ids_of

ROUTES: tuple[Route, ...] = (Route("/v1/events", "events"),)

_MOST_LOOKED_AT: Final = 1_000
"""Of a list of millions that are all wrong nobody needs to know more."""
_SHARED: Final = ("sent_at", "cookieless")
_BODY: Final = ("body",)


def read(request: Request) -> Claim:
    """Find the write key: Bearer, else ``write_key`` in the query, else in the body.

    Pages send it in the body, as a header would cost a pre-flight and a beacon has none. Where
    it stands before the body, it is judged before the body is looked at.

    Raises:
        Refused: ``key-missing``.
        Malformed: the key can only be in the body, and that is no JSON object.
    """
    key = request.bearer or request.query.get("write_key", [""])[0].strip()
    if key:
        return Claim("key", key)
    body = parse_object(request.body)
    key = as_word(body.get("write_key")).strip()
    if not key:
        message = "send the write key: 'Authorization: Bearer <key>', or write_key in the body"
        raise Refused("key-missing", message)
    return Claim("key", key, body)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make a draft of each event.

    Raises:
        Refused: ``key-scoped``: no event names a customer to hold such a key to.
        Malformed: the body, its ``events`` or all of them are wrong: missing, json-invalid,
            dict-type, list-type, string-type, string-too-long, value-error; or one is too deep
            or too wide, or they are too many.
    """
    if grant.key and grant.key.customer:
        message = "this key is one customer's; send these events with a key of the whole source"
        raise Refused("key-scoped", message)
    body = parse_object(request.body) if claim.payload is None else claim.payload
    events = _events(body)
    cookieless = _flag(body, "cookieless")
    if events:
        _check_any(events, cookieless=cookieless)
    bound_events(len(events), grant.source)
    visitor = of_today(request, grant.source, edge.ids) if cookieless else ""
    drafts = []
    for event in events:
        line = codec.dumps(event)
        bound_line(line, event)
        drafts.append(_draft(event, line, visitor, edge))
    return Batch(tuple(drafts), shared=_shared(body))


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Say how many events are safe."""
    return Reply(200, codec.dumps({"accepted": len(event_ids)}))


def _events(body: JsonObject) -> list[Any]:
    events = required(body, "events", _BODY)
    if type(events) is not list:
        raise Malformed("list-type", "events must be an array", where=(*_BODY, "events"))
    return events


def _flag(body: JsonObject, name: str) -> bool:
    value = body.get(name)
    if value is not None and type(value) is not bool:
        where = (*_BODY, name)
        raise Malformed("value-error", f"{name} must be true or false", where=where)
    return value is True


def _check_any(events: list[Any], *, cookieless: bool) -> None:
    """Raise what is wrong with the first event when something is wrong with all of them."""
    wrong: list[Malformed] = []
    for index, event in enumerate(events[:_MOST_LOOKED_AT]):
        where: Where = (*_BODY, "events", index)
        try:
            check(event, where, cookieless=cookieless)
        except Malformed as error:
            wrong.append(error)
        else:
            return
    raise wrong[0]


def _shared(body: JsonObject) -> bytes:
    """Write what the events have in common; the key stays behind."""
    shared: JsonObject = {name: body[name] for name in _SHARED if name in body}
    shared["context"] = optional_object(body.get("context"), (*_BODY, "context"))
    line = codec.dumps(shared)
    bound_line(line, shared)
    return line


def _draft(event: Any, line: bytes, cookieless: str, edge: Edge) -> Draft:
    """Find visitor, session and id, also of an event that no check has passed."""
    if type(event) is not dict:
        return Draft(line, visitor=edge.new_id())
    user, anonymous = ids_of(event)
    known = anonymous or user
    return Draft(
        line,
        known or cookieless or edge.new_id(),
        message_id=id_text(event.get("id")),
        profile_id="" if known else cookieless,
        session_id=id_text(event.get("session_id")),
    )
