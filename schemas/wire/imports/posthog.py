"""PostHog's exports of events: JSON lines of a batch export, its API's JSON, or CSV.

https://posthog.com/docs/cdp/batch-exports, https://posthog.com/docs/data-model
"""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.links import CAMPAIGN
from schemas.reading import JsonObject, as_word, id_text
from schemas.wire.imports.mapped import (
    Mapped,
    as_row,
    details,
    holding,
    moment,
    name_of,
    unpacked,
    without,
)
from schemas.wire.imports.plan import Plan

_KINDS: Final[dict[str, Kind]] = {
    "$pageview": "page",
    "$screen": "screen",
    "$identify": "identify",
    "$groupidentify": "group",
    "$create_alias": "alias",
    "$merge_dangerously": "alias",
    "$set": "identify",
}
_FLAT: Final = "properties."
_IDS: Final = ("$set", "$set_once", "$unset", "$insert_id", "$sent_at", "token")


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row; columns ``properties.X`` of a CSV are the properties X.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = {name.removeprefix("*."): value for name, value in as_row(body).items()}
    name = name_of(row.get("event"), "event")
    kind = _KINDS.get(name, "track")
    given = _properties(row)
    user, anonymous, previous = _ids(id_text(row.get("distinct_id")), given, kind)
    event = Event(
        kind,
        name,
        event_time=moment(row.get("timestamp"), "timestamp", plan.began or None),
        user_id=user,
        anonymous_id=anonymous,
        previous_id=previous,
        group_id=id_text(given.get("$group_key")) if kind == "group" else "",
        properties=without(given, *_IDS),
        details=_details(row, given),
        profiled=bool(user or anonymous),
        changes=_changes(row, given, kind),
    )
    return Mapped(
        event,
        message_id=id_text(row.get("uuid")) or id_text(row.get("id")),
        session_id=id_text(given.get("$session_id")),
    )


def _properties(row: JsonObject) -> JsonObject:
    given = holding(row.get("properties"), "properties")
    flat = {
        name.removeprefix(_FLAT): unpacked(value)
        for name, value in row.items()
        if name.startswith(_FLAT) and value not in (None, "")
    }
    chain = as_word(row.get("elements_chain"))
    return given | flat | ({"$elements_chain": chain} if chain else {})


def _ids(distinct: str, given: JsonObject, kind: Kind) -> tuple[str, str, str]:
    """Find user, device and, of an alias, the id before.

    Until it is identified a browser's distinct_id is its device's.
    """
    device = id_text(given.get("$device_id"))
    if kind == "identify":
        return distinct, id_text(given.get("$anon_distinct_id")) or device, ""
    if kind == "alias":
        return distinct, "", id_text(given.get("alias"))
    anonymous = given.get("$is_identified") is False or distinct == device
    return ("", distinct, "") if anonymous else (distinct, device, "")


def _changes(row: JsonObject, given: JsonObject, kind: Kind) -> JsonObject | None:
    if kind == "group":
        traits = holding(given.get("$group_set"), "$group_set")
        return {"set": traits} if traits else None
    made: JsonObject = {}
    for name in ("set", "set_once"):
        found = unpacked(given.get(f"${name}") or row.get(name))
        if type(found) is dict and found:
            made[name] = found
    unset = unpacked(given.get("$unset"))
    if type(unset) is list and unset and all(type(each) is str for each in unset):
        made["unset"] = tuple(unset)
    return made or None


def _details(row: JsonObject, given: JsonObject) -> dict[str, str]:
    width, height = id_text(given.get("$screen_width")), id_text(given.get("$screen_height"))
    return details(
        given.get("$current_url"),
        title=given.get("title") or given.get("$title"),
        referrer="" if given.get("$referrer") == "$direct" else as_word(given.get("$referrer")),
        ip=row.get("ip") or given.get("$ip"),
        user_agent=given.get("$raw_user_agent") or given.get("$user_agent"),
        country=given.get("$geoip_country_code"),
        region=given.get("$geoip_subdivision_1_name"),
        city=given.get("$geoip_city_name"),
        browser=given.get("$browser"),
        browser_version=id_text(given.get("$browser_version")),
        os=given.get("$os"),
        os_version=id_text(given.get("$os_version")),
        device=given.get("$device"),
        device_type=given.get("$device_type"),
        screen=f"{width}x{height}" if width and height else "",
        locale=given.get("$browser_language"),
        timezone=given.get("$timezone"),
        library=given.get("$lib"),
        library_version=given.get("$lib_version"),
        **{name: given.get(name) for name in CAMPAIGN},
    )
