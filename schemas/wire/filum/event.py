"""What Filum requires of an event."""

from typing import Any, Final

from schemas.errors import Malformed
from schemas.events import Kind
from schemas.reading import MAX_NAME, Where, as_object, as_text, id_text, required, spell

KINDS: Final[dict[str, Kind]] = {
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
    name = as_text(required(event, "event_name", where), (*where, "event_name"), MAX_NAME)
    if not name:
        at = (*where, "event_name")
        raise Malformed("value-error", f"{spell(at)} must not be empty", where=at)
    kind = KINDS.get(as_text(required(event, "event_type", where), (*where, "event_type")))
    if kind is None:
        at = (*where, "event_type")
        raise Malformed("value-error", f"{spell(at)} must be one of {', '.join(KINDS)}", where=at)
    if not id_text(event.get("user_id")) and not id_text(event.get("anonymous_id")):
        raise Malformed(
            "missing", f"{spell(where)} needs user_id or anonymous_id, not empty", where=where
        )
    if type(event.get("event_params")) not in {list, type(None)}:
        at = (*where, "event_params")
        raise Malformed("list-type", f"{spell(at)} must be an array", where=at)
    return kind, name
