"""Mixpanel's raw export: JSON lines of ``{"event", "properties"}``.

https://developer.mixpanel.com/reference/raw-event-export
"""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.links import CAMPAIGN
from schemas.reading import JsonObject, id_text, screen_size
from schemas.wire.imports.mapped import (
    Mapped,
    as_row,
    details,
    holding,
    key,
    moment,
    name_of,
    without,
)
from schemas.wire.imports.plan import Plan

_KINDS: Final[dict[str, Kind]] = {
    "$identify": "identify",
    "$create_alias": "alias",
    "$mp_web_page_view": "page",
}
_DEVICE: Final = "$device:"
_IDS: Final = ("time", "distinct_id", "$insert_id", "$user_id", "$device_id", "token")


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = as_row(body)
    name = name_of(row.get("event"), "event")
    given = holding(row.get("properties"), "properties")
    kind = _KINDS.get(name, "track")
    user, anonymous, previous = _ids(given, kind)
    event = Event(
        kind,
        name,
        event_time=moment(given.get("time"), "properties.time", plan.began or None),
        user_id=user,
        anonymous_id=anonymous,
        previous_id=previous,
        properties=without(given, *_IDS),
        details=_details(given),
        profiled=bool(user or anonymous),
    )
    # Mixpanel itself takes these four together for one event.
    insert_id = id_text(given.get("$insert_id"))
    return Mapped(event, key(name, given.get("time"), given.get("distinct_id"), insert_id))


def _details(given: JsonObject) -> dict[str, str]:
    return details(
        given.get("$current_url"),
        title=given.get("current_page_title"),
        referrer=given.get("$referrer"),
        city=given.get("$city"),
        region=given.get("$region"),
        country=given.get("mp_country_code"),
        browser=given.get("$browser"),
        browser_version=id_text(given.get("$browser_version")),
        os=given.get("$os"),
        os_version=given.get("$os_version"),
        device=given.get("$device") or given.get("$model"),
        screen=screen_size(
            {"width": given.get("$screen_width"), "height": given.get("$screen_height")}
        ),
        **{name: given.get(name) for name in CAMPAIGN},
        library=given.get("mp_lib"),
        library_version=given.get("$lib_version"),
    )


def _ids(given: dict[str, Any], kind: Kind) -> tuple[str, str, str]:
    """Find user, device and, of an alias, the id before."""
    distinct, device = id_text(given.get("distinct_id")), id_text(given.get("$device_id"))
    user = id_text(given.get("$user_id"))
    if kind == "identify":
        before = given.get("$anon_id") or given.get("$anon_distinct_id")
        return user or id_text(given.get("$identified_id")) or distinct, id_text(before), ""
    if kind == "alias":
        # distinct_id is the one that goes on, alias the name that is added to it
        return distinct, "", id_text(given.get("alias"))
    if distinct.startswith(_DEVICE):
        distinct, device = "", device or distinct.removeprefix(_DEVICE)
    return user or (distinct if distinct != device else ""), device, ""
