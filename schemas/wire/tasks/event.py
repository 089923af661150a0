"""Events that a script emits: what is required of them, and whose they are."""

from typing import Any, Final, get_args

from schemas.errors import Malformed
from schemas.events import Kind
from schemas.reading import (
    MAX_ID,
    MAX_NAME,
    JsonObject,
    Where,
    as_object,
    as_text,
    id_text,
    optional_object,
    optional_text,
    spell,
)
from schemas.times import from_date, from_iso, from_number, storable
from schemas.vendor import Draft

KINDS: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}
NAMES: Final[dict[Kind, str]] = {
    "page": "page_view",
    "screen": "screen_view",
    "identify": "identify",
    "group": "group",
    "alias": "alias",
}
"""Event types of events without a name; a ``track`` has none."""
IDS: Final = ("id", "user_id", "anonymous_id", "session_id", "group_id", "previous_id")
OBJECTS: Final = ("properties", "context", "traits")
FIELDS: Final = ("name", "collection", "type", "time", *IDS, *OBJECTS)


def checked(event: Any, where: Where) -> JsonObject:
    """Hold an event against all that can be wrong with it, for the author of the script.

    Raises:
        Malformed: missing, dict-type, string-type, string-too-long, value-error, time-invalid.
    """
    kind_and_name(event, where)
    for name in event:
        if name not in FIELDS:
            at = (*where, name[:MAX_NAME])
            message = f"{spell(at)} is no field of an event, there are {', '.join(FIELDS)}: "
            raise Malformed("value-error", f"{message}put it into properties", where=at)
    for name in IDS:
        value = event.get(name)
        if value is not None and value != "" and not id_text(value):
            at = (*where, name)
            message = f"{spell(at)} must be a text of at most {MAX_ID} characters, or a number"
            raise Malformed("value-error", message, where=at)
    for name in OBJECTS:
        optional_object(event.get(name), (*where, name))
    if event.get("time") is not None and moment(event["time"]) is None:
        at = (*where, "time")
        message = f"{spell(at)} is no time: Unix ms, or ISO 8601, between 1970 and 2099"
        raise Malformed("time-invalid", message, where=at)
    return dict(event)


def kind_and_name(event: Any, where: Where) -> tuple[Kind, str]:
    """Check what no event can be without.

    Raises:
        Malformed: missing, dict-type, string-type, string-too-long or value-error.
    """
    event = as_object(event, where)
    at = (*where, "type")
    kind = KINDS.get(as_text(event.get("type") or "track", at))
    if kind is None:
        raise Malformed("value-error", f"{spell(at)} must be one of {', '.join(KINDS)}", where=at)
    names = [optional_text(event.get(name), (*where, name), MAX_NAME) for name in FIELDS[:2]]
    name = names[0] or names[1] or NAMES.get(kind, "")
    if not name:
        at = (*where, "name")
        raise Malformed("missing", f"{spell(at)} is missing: what is the event?", where=at)
    return kind, name


def moment(value: Any) -> int | None:
    """Read Unix s or ms, ISO 8601 or a date as people write them; None for what is no time."""
    found = None
    if type(value) is str:
        found = from_iso(value.strip()) or from_date(value.strip())
    elif type(value) is int or type(value) is float:
        found = from_number(value)
    return storable(found)


def draft(event: JsonObject, line: bytes, message_id: str) -> Draft:
    """Choose its ids as the edge does.

    Args:
        line: the event as JSON bytes.
        message_id: stands for the event where it has no id of its own.
    """
    message_id = id_text(event.get("id")) or message_id
    user, anonymous = id_text(event.get("user_id")), id_text(event.get("anonymous_id"))
    session_id = id_text(event.get("session_id"))
    visitor = anonymous or user or session_id or message_id
    return Draft(line, visitor, message_id=message_id, session_id=session_id)
