"""What the protocol requires of an event, and whose it is."""

from typing import Any, Final, get_args

from schemas.errors import Malformed
from schemas.events import Kind
from schemas.reading import (
    MAX_NAME,
    JsonObject,
    Where,
    as_object,
    as_text,
    id_text,
    optional_text,
    spell,
)

KINDS: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}
TRACK: Final[Kind] = "track"
NAMES: Final[dict[Kind, str]] = {
    "page": "page_view",
    "screen": "screen_view",
    "identify": "identify",
    "group": "group",
    "alias": "alias",
}
"""Event types of events without a name; a ``track`` has none."""


def check(event: Any, where: Where, *, cookieless: bool) -> tuple[Kind, str]:
    """Check what is required of an event; return its kind and name.

    Args:
        cookieless: the edge knows whose the event is, where it has no id of anybody.

    Raises:
        Malformed: missing, dict-type, string-type, string-too-long or value-error.
    """
    event = as_object(event, where)
    at = (*where, "type")
    kind = KINDS.get(as_text(event.get("type", TRACK), at))
    if kind is None:
        raise Malformed("value-error", f"{spell(at)} must be one of {', '.join(KINDS)}", where=at)
    at = (*where, "name")
    name = optional_text(event.get("name"), at, MAX_NAME) or NAMES.get(kind, "")
    if not name:
        raise Malformed("missing", f"{spell(at)} is missing: a track needs one", where=at)
    if not cookieless and not any(ids_of(event)):
        message = f"{spell(where)} needs user_id or anonymous_id, not empty"
        raise Malformed("missing", message, where=where)
    return kind, name


def ids_of(event: JsonObject) -> tuple[str, str]:
    """Give user and anonymous id, each "" for none."""
    return id_text(event.get("user_id")), id_text(event.get("anonymous_id"))
