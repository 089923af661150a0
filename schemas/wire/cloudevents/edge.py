"""CloudEvents at the edge: read in any mode, taken apart and answered."""

from collections.abc import Mapping
from typing import Final

from schemas import codec
from schemas.errors import Refused
from schemas.reading import JsonObject, bound_line, id_text
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
)
from schemas.wire.cloudevents.event import check, message_id, visitor
from schemas.wire.cloudevents.modes import events_of

ROUTES: tuple[Route, ...] = (
    Route("/cloudevents", "events"),
    Route("/cloudevents/{source}", "webhook", bridge="webhook"),
)
_BODY: Final = ("body",)


def greet(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Let whoever asks deliver (web hooks, section 4); what lets in is looked at with each event.

    Azure Event Grid sends nothing before it has heard this.
    """
    if not headers.get("webhook-request-origin"):
        return ()
    rate = (("webhook-allowed-rate", "*"),) if "webhook-request-rate" in headers else ()
    return (("webhook-allowed-origin", "*"), *rate)


def read(request: Request) -> Claim:
    """Find what lets the request in: the source of the path, else a write key.

    The key is a Bearer token, else ``access_token`` of the query (web hooks, section 3.2).

    Raises:
        Refused: ``key-missing``.
    """
    if request.endpoint == "webhook":
        return Claim("source", request.path["source"])
    key = request.bearer or request.query.get("access_token", [""])[0].strip()
    if not key:
        message = "send the write key: 'Authorization: Bearer <key>', or ?access_token=<key>"
        raise Refused("key-missing", message)
    return Claim("key", key)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Make a draft of each event.

    Raises:
        Refused: ``key-scoped``: no event names a customer to hold such a key to.
        Malformed: what is wrong with the first event in which something is; or one is too deep
            or too wide, or they are too many.
    """
    if grant.key and grant.key.customer:
        message = "this key is one customer's; send these events with a key of the whole source"
        raise Refused("key-scoped", message)
    events = events_of(request)
    bound_events(len(events), grant.source)
    one = len(events) == 1
    drafts = []
    for index, each in enumerate(events):
        event = check(each, _BODY if one else (*_BODY, index))
        drafts.append(_draft(event))
    return Batch(tuple(drafts))


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Say how many events are safe."""
    return Reply(200, codec.dumps({"accepted": len(event_ids)}))


def _draft(event: JsonObject) -> Draft:
    line = codec.dumps(event)
    bound_line(line, event)
    session = id_text(event.get("sessionid"))
    return Draft(line, visitor(event), message_id=message_id(event), session_id=session)
