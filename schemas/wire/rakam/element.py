"""Rakam's event object and what may stand in it."""

from typing import Any, Final

from schemas import times
from schemas.errors import Malformed
from schemas.reading import MAX_ID, JsonObject, Where, as_object, id_text, required
from schemas.wire.rakam.names import columns

LONGEST_COLLECTION: Final = 100
_LONGEST_TIME: Final = 20
NAMELESS: Final = "(empty string)"
TRIGGERS: Final = ("_ip", "_user_agent", "_referrer")
"""Properties that ask for something instead of saying it."""

_PERMITTED: Final = ("collection", "api", "properties", "event_id")
_MEMBERS: Final = frozenset(_PERMITTED)
_NUMBERS: Final = frozenset({int, float, type(None)})
_HOLDERS: Final = frozenset({dict, list})
_SCALARS: Final = ("_user", *TRIGGERS)
_BODY: Final = ("body",)


def collection_of(event: JsonObject) -> str:
    """The collection's name in lower case.

    Raises:
        Malformed: ``collection-invalid``.
    """
    name = event.get("collection")
    if type(name) is not str:
        raise _refused("collection", "collection must be a string")
    if len(name) > LONGEST_COLLECTION:
        raise _refused("collection", f"collection is longer than {LONGEST_COLLECTION} characters")
    if name.lower() == "_users":
        raise _refused("collection", "collection _users is reserved")
    return name.lower() or NAMELESS


def properties_of(event: JsonObject) -> JsonObject:
    """The properties under their columns' names, checked as far as Rakam checks them.

    Raises:
        Malformed: ``property-invalid``, ``name-invalid`` or ``dict-type``.
    """
    if not event.keys() <= _MEMBERS:
        name = next(name for name in event if name not in _MEMBERS)
        permitted = ", ".join(_PERMITTED)
        raise _refused(name, f"Invalid property '{name}'; permitted are {permitted}")
    if type(event.get("event_id")) not in _NUMBERS:
        raise _refused("event_id", "event_id must be a number")
    found = columns(as_object(event.get("properties"), (*_BODY, "properties")))
    if "$server_time" in found:
        raise _refused("$server_time", "property $server_time is reserved")
    for name in _SCALARS:
        if type(found.get(name)) in _HOLDERS:
            raise _refused(name, f"property {name} must not be an array or object")
    if len(str(found.get("_user"))) > MAX_ID:
        raise _refused("_user", f"property _user is longer than {MAX_ID} characters")
    return found


def moment(value: Any, name: str = "_time") -> int | None:
    """Read a time: Unix ms or a timestamp's text; null means that the server says.

    Raises:
        Malformed: ``property-invalid``.
    """
    if value is None:
        return None
    if type(value) is int or type(value) is float:
        return int(value)
    found = times.from_date(value) if type(value) is str else None
    if found is None:
        raise _refused(name, f"property {name} must be Unix ms or a timestamp")
    return found


def spelled(properties: dict[str, str]) -> JsonObject:
    """Read what a query or a table can only spell: a time's number, a trigger's ``true``."""
    found: JsonObject = dict(properties)
    moment_text = properties.get("_time", "")
    if moment_text.strip().isdecimal() and len(moment_text) <= _LONGEST_TIME:
        found["_time"] = int(moment_text)
    elif "_time" in found and not moment_text.strip():
        del found["_time"]
    for name in TRIGGERS:
        if found.get(name) == "true":
            found[name] = True
    return found


def user_of(body: JsonObject, where: Where = _BODY) -> str:
    """The ``id`` of a user call: text or number; it was ``user`` in earlier versions.

    Raises:
        Malformed: ``missing`` or ``property-invalid``.
    """
    value = body["user"] if "user" in body and "id" not in body else required(body, "id", where)
    user = id_text(value)
    if not user:
        raise _refused("id", f"id must be a string of 1 to {MAX_ID} characters, or a number")
    return user


def _refused(name: str, message: str) -> Malformed:
    code = "collection-invalid" if name == "collection" else "property-invalid"
    return Malformed(code, message, where=(*_BODY, name))
