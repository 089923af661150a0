"""``/user/get_events``: the latest events of one user, read from where they are stored."""

from typing import Any, Final

from schemas import codec
from schemas.commands import Select
from schemas.errors import Malformed
from schemas.events import iso
from schemas.query import Filter, Query
from schemas.reading import JsonObject, as_whole, bound, parse_object
from schemas.vendor import Claim, Grant, Reply, Request
from schemas.wire.rakam import credentials, users
from schemas.wire.rakam.element import moment, user_of

USUAL_ROWS: Final = 15
MAX_ROWS: Final = 1_000

_NO_EVENTS: Final = (*sorted(users.ENDPOINTS), "$identify", "$$user")
"""Rows that change a user are no events of his."""


def read(request: Request) -> Claim:
    """Find the key that may read; the older servers took ``api.api_key``, too.

    Raises:
        Malformed: missing, json-invalid, dict-type, json-too-deep or too-many-keys.
        Refused: ``key-missing``.
    """
    body = parse_object(request.body)
    bound(body)
    _, key = credentials.of_body(request, body)
    return Claim("key", key, body, needs="query")


def command(claim: Claim, grant: Grant) -> Select:
    """Ask for the user's newest events, before ``offset`` where it is given.

    Raises:
        Malformed: missing or property-invalid.
    """
    body: JsonObject = claim.payload
    offset = body.get("offset")
    query = Query(
        until=moment(offset, "offset"),
        filters=(
            Filter("user_id", "equals", (user_of(body),)),
            Filter("event_type", "not-in", _NO_EVENTS),
        ),
        limit=_limit(body.get("limit")),
    )
    return Select(grant.source.id, query, grant.key.customer if grant.key else "")


def answer(rows: list[dict[str, Any]], claim: Claim) -> Reply:
    """List them as Rakam does: a collection and its properties, the time among them."""
    user = user_of(claim.payload)
    events = [
        {
            "collection": row["event_type"],
            "properties": row["properties"] | {"_time": iso(row["event_time"]), "_user": user},
        }
        for row in rows
    ]
    return Reply(200, codec.dumps(events))


def _limit(given: Any) -> int:
    given = as_whole(given)
    if given is None:
        return USUAL_ROWS
    if type(given) is not int or given < 1:
        raise Malformed(
            "property-invalid", "limit must be a whole number above 0", where=("body", "limit")
        )
    return min(given, MAX_ROWS)
