"""EventBunker at the edge: requests read and checked, events taken apart, credentials found."""

import re
from typing import Any, Final

from schemas import codec, times
from schemas.errors import Malformed, Refused
from schemas.reading import (
    MAX_NAME,
    JsonObject,
    as_text,
    bound_line,
    optional_text,
    parse_object,
    required,
)
from schemas.sources import KeyType
from schemas.vendor import Batch, Claim, Draft, Edge, Grant, Reply, Request, Route
from schemas.wire.eventbunker import question
from schemas.wire.eventbunker.event import check, customer_of
from schemas.wire.eventbunker.names import CUSTOMER, HEADERS

NAME: Final = "eventbunker"

_CALL_BYTES: Final = 1 << 20
_QUESTION_BYTES: Final = 16 << 10
"""A question's values travel to the store in the head of a request."""
_CALLS: Final = {
    "query": "/v1/query/json",
    "delete": "/v1/delete/json",
    "project": "/v1/manage/project/create",
    "key-create": "/v1/manage/key/create",
    "key-list": "/v1/manage/key/list",
    "key-delete": "/v1/manage/key/delete",
}
ROUTES: tuple[Route, ...] = (
    Route("/post", "post"),
    Route("/post/", "post"),
    *(
        Route(path + slash, endpoint, max_bytes=_CALL_BYTES, purpose="call")
        for endpoint, path in _CALLS.items()
        for slash in ("", "/")
    ),
)
KEY_TYPES: Final[dict[str, KeyType]] = {"WRITE": "write", "QUERY": "query", "DELETE": "delete"}

_NEEDS: Final[dict[str, KeyType]] = {"post": "write", "query": "query", "delete": "delete"}
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG: Final = 63
_BODY: Final = ("body",)


def needs(endpoint: str) -> KeyType:
    """Tell which type of key an endpoint takes; of ``project`` it is the admin key."""
    return _NEEDS.get(endpoint, "master")


def read(request: Request) -> Claim:
    """Find the key; nothing of the body is looked at before it is known.

    Raises:
        Refused: ``key-missing``.
    """
    needed = needs(request.endpoint)
    key = request.headers.get(HEADERS[needed], "").strip()
    if not key:
        raise Refused("key-missing", f"send the {needed} key in the header {HEADERS[needed]}")
    if request.endpoint == "project":
        return Claim("admin", key)
    return Claim("key", key, needs=needed)


def understood(request: Request) -> Any:
    """Check what is sent; read it into what its endpoint wants to know.

    Raises:
        Malformed: what is wrong with the body.
    """
    if request.endpoint == "query" and len(request.body) > _QUESTION_BYTES:
        message = f"a query has at most {_QUESTION_BYTES} bytes: ask for less at once"
        raise Malformed("query-too-large", message)
    if request.endpoint == "key-list" and not request.body.strip():
        return {}
    body = parse_object(request.body)
    match request.endpoint:
        case "post":
            check(body)
        case "query":
            return question.read(body, request.received_at)
        case "delete":
            customer_of(body)
        case "project":
            return _project(body)
        case "key-create":
            return _key(body, request.received_at)
        case "key-delete":
            return _text(body, "key_id")
    return body


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Make the one draft, byte for byte; what a scoped key adds to it stands beside it.

    Raises:
        Malformed: what is wrong with the event; it may also be too deep or too wide.
        Refused: ``customer-mismatch``.
    """
    event = understood(request)
    line = codec.one_line(request.body)
    bound_line(line, event)
    given = customer_of(event)
    customer = scoped(given, grant)
    shared = codec.dumps({CUSTOMER: customer}) if customer != given else b"null"
    return Batch((Draft(line, visitor=customer or edge.new_id()),), shared)


def scoped(customer: str, grant: Grant) -> str:
    """Fill in the customer whose key was shown.

    Raises:
        Refused: ``customer-mismatch`` when another one was named.
    """
    own = grant.key.customer if grant.key else ""
    if own and customer not in {"", own}:
        raise Refused(
            "customer-mismatch",
            f"{CUSTOMER} is not the one that this key is for: leave it out, or use its own key",
        )
    return own or customer


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Answer the event's id and the Unix ms that stand for its time when it gave none."""
    answer = {"unique_req_id": event_ids[0], "time_recorded": request.received_at}
    return Reply(200, codec.dumps(answer))


def _project(body: JsonObject) -> JsonObject:
    """Read a project into the fields of a source; its name gives its id."""
    name = _text(body, "name")
    slug = _NO_SLUG.sub("-", name.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    if not slug:
        message = "name must hold a letter or digit of ASCII, for the project's id is made of it"
        raise Malformed("name-invalid", message, where=(*_BODY, "name"))
    optional_text(body.get("account_id"), (*_BODY, "account_id"))
    description = optional_text(body.get("description"), (*_BODY, "description"))
    return {"id": slug, "name": name, "description": description}


def _key(body: JsonObject, now: int) -> JsonObject:
    """Read what a new key is to be."""
    kind = KEY_TYPES.get(_text(body, "type").upper())
    if kind is None:
        message = f"type must be one of {', '.join(KEY_TYPES)}"
        raise Malformed("type-invalid", message, where=(*_BODY, "type"))
    return {
        "type": kind,
        "customer": customer_of(body),
        "name": optional_text(body.get("name"), (*_BODY, "name"), MAX_NAME),
        "expires_at": _expiry(body.get("expires_at"), now),
    }


def _expiry(value: Any, now: int) -> int:
    if value is None:
        return 0
    found = times.from_date(value) if type(value) is str else None
    if type(value) is int or type(value) is float:
        found = times.from_number(value)
    where = (*_BODY, "expires_at")
    if found is None:
        raise Malformed("datetime-parsing", "expires_at must be a date to come", where=where)
    if found <= now:
        raise Malformed("key-invalid", "expires_at is past", status=409, where=where)
    return found


def _text(body: JsonObject, name: str) -> str:
    where = (*_BODY, name)
    found = as_text(required(body, name, _BODY), where, MAX_NAME)
    if not found:
        raise Malformed("value-error", f"{name} must not be empty", where=where)
    return found
