"""Filum at the edge: a request read, taken apart, and answered so that every SDK copes."""

from typing import Any, Final

from schemas import codec
from schemas.errors import HeadraceError, Malformed, Refused
from schemas.reading import JsonObject, bound_line, id_text, parse
from schemas.refusals import refusal
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
from schemas.wire.filum.event import check, ids_of

ROUTES: tuple[Route, ...] = (Route("/events", "events"), Route("/events/", "events"))

_TOKEN_DISABLED: Final = 40101
"""The Android and iOS SDKs stop for ever when they read it."""
_MOST_LOOKED_AT: Final = 1_000
"""Of a list of millions that are all wrong nobody needs to know more."""


def read(request: Request) -> Claim:
    """Find the Bearer key; nothing of the body is looked at before it is known.

    Raises:
        Refused: ``key-missing``.
    """
    if not request.bearer:
        raise Refused("key-missing", "send the header 'Authorization: Bearer <write key>'")
    return Claim("key", request.bearer)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Make a draft of each event; a single one travels byte for byte.

    Raises:
        Refused: ``key-scoped``: Filum's events name no customer to hold such a key to.
        Malformed: a single event or all of an array are wrong: missing, json-invalid, dict-type,
            string-type, string-too-long, value-error; or one is too deep or too wide, or they
            are too many.
    """
    if grant.key and grant.key.customer:
        message = "this key is one customer's; send Filum's events with a key of the whole source"
        raise Refused("key-scoped", message)
    body = parse(request.body)
    if type(body) is not list:
        check(body, ("body",))
        line = codec.one_line(request.body)
        bound_line(line, body)
        return Batch((_draft(body, line, edge),))
    if body:
        _check_any(body)
    bound_events(len(body), grant.source)
    drafts = []
    for event in body:
        line = codec.dumps(event)
        bound_line(line, event)
        drafts.append(_draft(event, line, edge))
    return Batch(tuple(drafts))


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Answer an object whose ``statusCode`` is 200, which the Java SDK insists on."""
    return Reply(200, b'{"statusCode":200,"code":200,"message":["OK"]}')


def refuse(error: HeadraceError, request: Request) -> Reply:  # noqa: ARG001
    """Say no so that all SDKs read it.

    Python wants ``code`` and ``message``; Java ``statusCode``, ``error`` as text and ``message``
    as an array; Android and iOS a numeric ``error_code``.
    """
    message = error.message
    if isinstance(error, Refused) and error.code.startswith("key-"):
        message = f"Invalid API key: {message}"
    body: JsonObject = {
        "statusCode": error.status,
        "code": error.code,
        "error": message,
        "message": [message],
        "error_code": _TOKEN_DISABLED if error.code == "source-disabled" else error.status * 100,
    }
    return refusal(error, body, error.status)


def _check_any(events: list[Any]) -> None:
    """Raise what is wrong with the first event when something is wrong with all of them."""
    first: Malformed | None = None
    for index, event in enumerate(events[:_MOST_LOOKED_AT]):
        try:
            check(event, ("body", index))
        except Malformed as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def _draft(event: Any, line: bytes, edge: Edge) -> Draft:
    """Find visitor and id, also of an event that no check has passed."""
    if type(event) is not dict:
        return Draft(line, visitor=edge.new_id())
    user, anonymous = ids_of(event)
    visitor = anonymous or user or edge.new_id()
    return Draft(line, visitor, message_id=id_text(event.get("event_id")))
