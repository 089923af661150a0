"""EventBunker's calls: what is to be done, and how the result is worded."""

from typing import Any

from schemas import codec
from schemas.commands import (
    AddKey,
    Command,
    CreateSource,
    Erase,
    Issued,
    RevokeKey,
    Select,
    ShowSource,
)
from schemas.errors import Malformed, Refused
from schemas.events import iso
from schemas.query import Query
from schemas.reading import JsonObject
from schemas.sources import Key
from schemas.times import storable
from schemas.vendor import Claim, Grant, Reply, Request
from schemas.wire.eventbunker import question
from schemas.wire.eventbunker.edge import scoped, understood
from schemas.wire.eventbunker.event import customer_of
from schemas.wire.eventbunker.names import CUSTOMER, OWN_FIELDS


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:  # noqa: ARG001
    """Say what is to be done.

    Raises:
        Malformed: what is wrong with the body; ``missing`` when nobody says whose events are to
            go, ``label-repeated`` or ``order-unknown`` for a query.
        Refused: ``customer-mismatch``.
    """
    wanted = understood(request)
    if grant is None:
        return CreateSource(wanted, keys=("master",))
    source_id = grant.source.id
    match request.endpoint:
        case "query":
            return Select(source_id, question.labelled(wanted), scoped("", grant))
        case "delete":
            customer = scoped(customer_of(wanted), grant)
            if not customer:
                where = ("body", CUSTOMER)
                raise Malformed("missing", f"{CUSTOMER} is missing", where=where)
            return Erase(source_id, customer)
        case "key-create":
            wish = dict(wanted)
            return AddKey(source_id, **wish | {"customer": scoped(wish["customer"], grant)})
        case "key-delete":
            own = _own_key(grant, wanted)
            return RevokeKey(source_id, own.id)
        case _:
            return ShowSource(source_id)


def answer(result: Any, claim: Claim, request: Request) -> Reply:  # noqa: ARG001
    """Word what was done."""
    return Reply(200, codec.dumps(_answer(result, request)))


def _answer(result: Any, request: Request) -> JsonObject:
    match request.endpoint:
        case "query":
            return {"data": _rows(result, understood(request))}
        case "delete":
            return {"status": "deleted", "deleted_events": result}
        case "project":
            issued: Issued = result
            (key,) = issued.clear.values()
            return {
                "project_id": issued.source.id,
                "master_api_key": key,
                "name": issued.source.name,
                "description": issued.source.description,
                "status": "created",
            }
        case "key-create":
            ((key_id, clear),) = result.clear.items()
            (made,) = (key for key in result.source.keys if key.id == key_id)
            return {"status": "created", "api_key": clear, **_described(made)}
        case "key-delete":
            return {"status": "deleted", "key_id": understood(request)}
        case _:
            return {"keys": [_described(key) for key in result.keys]}


def _own_key(grant: Grant, key_id: str) -> Key:
    """Find a key of the project that may be taken back by the key that was shown."""
    own = grant.key.customer if grant.key else ""
    for key in grant.source.keys:
        if key.id == key_id:
            if own and key.customer != own:
                raise Refused("customer-mismatch", "this key is for one customer only")
            return key
    message = "no key of this project has this key_id: list them"
    raise Malformed("key-unknown", message, status=404, where=("body", "key_id"))


def _described(key: Key) -> JsonObject:
    return {
        "key_id": key.id,
        "type": key.type.upper(),
        "name": key.name,
        CUSTOMER: key.customer or None,
        "created_at": key.created_at,
        "expires_at": key.expires_at or None,
    }


def _rows(rows: list[dict[str, Any]], query: Query) -> list[JsonObject]:
    if query.lists_events:
        return [_event(row) for row in rows]
    if query.step:
        return [row | {query.step_label: iso(row[query.step_label])} for row in rows]
    return rows


def _event(row: dict[str, Any]) -> JsonObject:
    """Write an event much as it was sent."""
    own = {name: row[column] for name, column in OWN_FIELDS.items()}
    own[CUSTOMER] = own[CUSTOMER] or None
    at = storable(own["timestamp"])
    properties: JsonObject = row["properties"]
    return properties | own | {"timestamp": None if at is None else iso(at)}
