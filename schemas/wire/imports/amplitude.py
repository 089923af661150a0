"""Amplitude's export: a zip of gzipped JSON lines, one event each.

https://amplitude.com/docs/apis/analytics/export
"""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.reading import JsonObject, id_text, inside
from schemas.wire.imports.mapped import (
    Mapped,
    as_row,
    details,
    holding,
    key,
    moment,
    name_of,
)
from schemas.wire.imports.plan import Plan

_KINDS: Final[dict[str, Kind]] = {
    "$identify": "identify",
    "$groupidentify": "group",
    "[Amplitude] Page Viewed": "page",
}
_NO_SESSION: Final = "-1"
_KEPT: Final = (
    "amplitude_id",
    "user_properties",
    "groups",
    "group_properties",
    "version_name",
    "start_version",
    "device_brand",
    "device_manufacturer",
    "device_model",
    "device_carrier",
    "carrier",
    "location_lat",
    "location_lng",
    "user_creation_time",
    "paying",
    "dma",
    "idfa",
    "adid",
)
"""Members that are kept as context."""
_WEB: Final = "Web"
"""The platform of browsers, whose name and version stand where other platforms' systems do."""
_OPERATIONS: Final = {"$set": "set", "$setOnce": "set_once", "$add": "increment"}


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = as_row(body)
    name = name_of(row.get("event_type"), "event_type")
    kind = _KINDS.get(name, "track")
    given = holding(row.get("event_properties"), "event_properties")
    user, device = id_text(row.get("user_id")), id_text(row.get("device_id"))
    of_user = holding(row.get("user_properties"), "user_properties")
    group, of_group = _group(row)
    traits = of_user if kind == "identify" else of_group if kind == "group" else {}
    when = row.get("event_time") or row.get("client_event_time")
    event = Event(
        kind,
        name,
        event_time=moment(when, "event_time", plan.began or None),
        sent_at=moment(row.get("client_upload_time"), "client_upload_time"),
        user_id=user,
        anonymous_id=device,
        group_id=group,
        properties=given,
        context={each: row[each] for each in _KEPT if row.get(each) not in (None, "", {})},
        details=_details(row, given),
        profiled=bool(user or device),
        changes=_changes(traits),
    )
    return Mapped(event, message_id=_id_of(row, device), session_id=_session(row, device))


def _details(row: JsonObject, given: JsonObject) -> dict[str, str]:
    name, version = row.get("os_name"), id_text(row.get("os_version"))
    family = row.get("device_family")
    web = row.get("platform") == _WEB
    return details(
        given.get("[Amplitude] Page URL"),
        title=given.get("[Amplitude] Page Title"),
        referrer=given.get("referrer"),
        ip=row.get("ip_address"),
        country=row.get("country"),
        region=row.get("region"),
        city=row.get("city"),
        browser=name if web else "",
        browser_version=version if web else "",
        os=family if web else name,
        os_version="" if web else version,
        device="" if web else family,
        device_type=row.get("device_type"),
        locale=row.get("language"),
        channel=row.get("platform"),
        library=row.get("library"),
    )


def _group(row: JsonObject) -> tuple[str, JsonObject]:
    """Find the one group of ``{type: [id]}`` and its properties, which are by type and id."""
    groups = holding(row.get("groups"), "groups")
    if len(groups) != 1:
        return "", {}
    ((kind, held),) = groups.items()
    found = held[0] if type(held) is list and len(held) == 1 else held
    group = id_text(found)
    of_kind = inside(holding(row.get("group_properties"), "group_properties"), kind)
    return group, inside(of_kind, group)


def _changes(traits: JsonObject) -> JsonObject | None:
    """Take what a user or group now is, or the operations that made it so."""
    operations: JsonObject = {
        ours: traits[name]
        for name, ours in _OPERATIONS.items()
        if type(traits.get(name)) is dict and traits[name]
    }
    unset = inside(traits, "$unset")
    if unset:
        operations["unset"] = tuple(unset)
    plain = {name: value for name, value in traits.items() if not name.startswith("$")}
    if plain:
        operations["set"] = inside(operations, "set") | plain
    return operations or None


def _id_of(row: dict[str, Any], device: str) -> str:
    """``uuid`` is the event's own; ``$insert_id`` is one among those of its device."""
    found = id_text(row.get("uuid"))
    return found or key(device, row.get("$insert_id") or row.get("insert_id"))


def _session(row: dict[str, Any], device: str) -> str:
    """Name a session, which Amplitude counts per device by its beginning in ms."""
    session = id_text(row.get("session_id"))
    return "" if session == _NO_SESSION else key(device or row.get("user_id"), session)
