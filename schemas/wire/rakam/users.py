"""The calls under ``/user`` that change users: read and taken apart at the edge, understood."""

from collections.abc import Callable
from typing import Any, Final

from schemas import codec, times
from schemas.errors import Malformed
from schemas.events import Event
from schemas.reading import JsonObject, as_object, bound, id_text, parse_object, required
from schemas.vendor import Batch, Claim, Draft, Edge, Grant, Request, bound_events
from schemas.wire.rakam import changes, credentials, events
from schemas.wire.rakam.element import moment, user_of
from schemas.wire.rakam.names import column

_BODY: Final = ("body",)
_LISTS: Final = {
    "user_batch": "data",
    "user_batch_operations": "data",
    "user_batch_create": "users",
}
"""Calls with many changes, and where in the body these are."""
_STEPS: Final[tuple[tuple[str, str, Callable[[Any, str], Any]], ...]] = (
    ("set_properties", "$set", changes.traits),
    ("set_properties_once", "$set_once", changes.traits),
    ("increment_properties", "$increment", changes.increments),
    ("unset_properties", "$unset", changes.removals),
)


def read(request: Request) -> Claim:
    """Check a call; find its key.

    Raises:
        Malformed: missing, json-invalid, dict-type, list-type, property-invalid, name-invalid.
        Refused: ``key-missing``.
    """
    within = _LISTS.get(request.endpoint)
    body = parse_object(request.body) if within else events.parse_one(request)
    events.once(request.body)
    _, key = credentials.of_body(request, body)
    if within is None:
        bound(body)
        _understand(request.endpoint, body)
    else:
        if request.endpoint == "user_batch":
            user_of(body)
        if type(required(body, within, _BODY)) is not list:
            raise Malformed("list-type", f"{within} must be a JSON array", where=(*_BODY, within))
    if request.endpoint == "user_batch_operations":
        return Claim("key", key, body, needs="master")
    return Claim("key", key, body)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make a draft of each change, whatever it looks like among others.

    Raises:
        Malformed: a single one is too deep or too wide, or any cannot be written as JSON.
    """
    body: JsonObject = claim.payload
    shared = events.shared(body.get("api"), request)
    within = _LISTS.get(request.endpoint)
    if within is None:
        plain = {name: value for name, value in body.items() if name != "api"}
        return Batch((Draft(codec.dumps(plain), visitor=user_of(body)),), shared)
    bound_events(len(body[within]), grant.source)
    owner = {"id": _id_of(body)} if request.endpoint == "user_batch" else {}
    return Batch(tuple([_draft(each, owner, edge) for each in body[within]]), shared)


def decode(endpoint: str, body: JsonObject) -> Event:
    """Understand one call, or one of its changes.

    Raises:
        Malformed: as :func:`read`.
    """
    return _understand(endpoint, body)


def _draft(change: Any, owner: JsonObject, edge: Edge) -> Draft:
    if type(change) is not dict:
        return Draft(codec.dumps(owner | {"data": change} if owner else change), edge.new_id())
    own = change.get("api")
    if type(own) is dict:
        change = change | {"api": credentials.without_key(own)}
    whole = change | owner
    return Draft(codec.dumps(whole), id_text(_id_of(whole)) or edge.new_id())


def _id_of(body: JsonObject) -> Any:
    return body.get("id", body.get("user"))


def _set(endpoint: str, body: JsonObject) -> Event:
    name = "$set_once" if endpoint == "set_properties_once" else "$set"
    return _changed(endpoint, body, {name: changes.traits(body.get("properties"))})


def _increment(endpoint: str, body: JsonObject) -> Event:
    name = required(body, "property", _BODY)
    if type(name) is not str:
        raise Malformed("property-invalid", "property must be a name", where=(*_BODY, "property"))
    amount = {column(name): required(body, "value", _BODY)}
    return _changed(endpoint, body, {"$increment": changes.increments(amount)})


def _unset(endpoint: str, body: JsonObject) -> Event:
    return _changed(endpoint, body, {"$unset": changes.removals(body.get("properties"))})


def _create(endpoint: str, body: JsonObject) -> Event:
    properties = body.get("properties")
    return _changed(
        endpoint, body, {"$set": changes.traits({} if properties is None else properties)}
    )


def _steps(endpoint: str, body: JsonObject) -> Event:
    if "data" in body:
        as_object(body["data"], (*_BODY, "data"))
    done: JsonObject = {}
    for sent, name, understand in _STEPS:
        if body.get(sent) is not None:
            done[name] = understand(body[sent], sent)
    return _changed(endpoint, body, done, moment(body.get("time"), "time"))


def _merge(endpoint: str, body: JsonObject) -> Event:
    """Link what was done without a name to its user."""
    user = user_of(body)
    anonymous = id_text(body.get("anonymous_id"))
    if not anonymous:
        where = (*_BODY, "anonymous_id")
        raise Malformed("missing", "anonymous_id is missing", where=where)
    merged_at = moment(body.get("merged_at"), "merged_at")
    moment(body.get("created_at"), "created_at")
    kept = {name: body[name] for name in ("created_at", "merged_at") if body.get(name) is not None}
    return Event(
        "alias",
        endpoint,
        event_time=times.storable(merged_at),
        user_id=user,
        anonymous_id=anonymous,
        properties=kept,
    )


def _changed(
    endpoint: str, body: JsonObject, done: JsonObject, event_time: int | None = None
) -> Event:
    done = changes.only(done)
    return Event(
        "identify",
        endpoint,
        event_time=event_time,
        user_id=user_of(body),
        properties=changes.values(done),
        context=done,
        changes=changes.said(done),
    )


_CALLS: Final[dict[str, Callable[[str, JsonObject], Event]]] = {
    "set_properties": _set,
    "set_properties_once": _set,
    "increment_property": _increment,
    "unset_properties": _unset,
    "user_create": _create,
    "user_batch_create": _create,
    "user_batch": _steps,
    "user_batch_operations": _steps,
    "user_merge": _merge,
}
ENDPOINTS: Final = frozenset(_CALLS)


def _understand(endpoint: str, body: JsonObject) -> Event:
    return _CALLS[endpoint](endpoint, body)
