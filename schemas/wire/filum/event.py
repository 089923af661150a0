"""What Filum requires of an event, and whose it is."""

from typing import Any, Final

from schemas.errors import Malformed
from schemas.events import Kind
from schemas.reading import (
    MAX_NAME,
    JsonObject,
    Where,
    as_object,
    as_text,
    as_word,
    id_text,
    optional_text,
    required,
    spell,
)

_KINDS: Final[dict[str, Kind]] = {
    "track": "track",
    "identify": "identify",
    "group": "group",
    "page": "page",
    "screen": "screen",
    "alias": "alias",
}


def check(event: Any, where: Where) -> tuple[Kind, str]:
    """Check what Filum requires of an event; return its kind and name."""
    event = as_object(event, where)
    at = (*where, "event_type")
    kind = _KINDS.get(as_text(required(event, "event_type", where), at))
    if kind is None:
        raise Malformed("value-error", f"{spell(at)} must be one of {', '.join(_KINDS)}", where=at)
    name = _name(event, kind, where)
    if not id_text(event.get("user_id")) and not id_text(event.get("anonymous_id")):
        raise Malformed(
            "missing", f"{spell(where)} needs user_id or anonymous_id, not empty", where=where
        )
    if type(event.get("event_params")) not in {list, type(None)}:
        at = (*where, "event_params")
        raise Malformed("list-type", f"{spell(at)} must be an array", where=at)
    return kind, name


def ids_of(event: JsonObject) -> tuple[str, str]:
    """Give user and anonymous id, each "" for none.

    The Node SDK's ``alias`` passes its caller's field for the id that was used before.
    """
    anonymous = id_text(event.get("anonymous_id"))
    if not anonymous and event.get("event_type") == "alias":
        anonymous = previous_id_of(event)
    return id_text(event.get("user_id")), anonymous


def previous_id_of(event: JsonObject) -> str:
    """Give the id that was used before an alias, "" for none."""
    return id_text(event.get("previous_id")) or id_text(event.get("previousId"))


def _name(event: JsonObject, kind: Kind, where: Where) -> str:
    """Find the event's name.

    The Node SDK names ``identify`` and passes on what its caller named a ``track``; of page,
    screen, group and alias it sends no ``event_name``, so these have one of their own.
    """
    at = (*where, "event_name")
    if kind == "track":
        required(event, "event_name", where)
    name = optional_text(event.get("event_name"), at, MAX_NAME)
    if name:
        return name
    if kind == "track":
        raise Malformed("value-error", f"{spell(at)} must not be empty", where=at)
    return as_word(event.get("name"))[:MAX_NAME].strip() or kind.capitalize()
