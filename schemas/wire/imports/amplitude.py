"""Amplitude's export: a zip of gzipped JSON lines, one event each.

https://amplitude.com/docs/apis/analytics/export
"""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.reading import id_text
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
    "carrier",
    "paying",
    "dma",
    "idfa",
    "adid",
)
"""Members that are kept as context."""


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
    traits = holding(row.get("user_properties"), "user_properties") if kind == "identify" else {}
    when = row.get("event_time") or row.get("client_event_time")
    event = Event(
        kind,
        name,
        event_time=moment(when, "event_time", plan.began or None),
        sent_at=moment(row.get("client_upload_time"), "client_upload_time"),
        user_id=user,
        anonymous_id=device,
        properties=given,
        context={each: row[each] for each in _KEPT if row.get(each) not in (None, "", {})},
        details=details(
            given.get("[Amplitude] Page URL"),
            title=given.get("[Amplitude] Page Title"),
            referrer=given.get("referrer"),
            ip=row.get("ip_address"),
            country=row.get("country"),
            region=row.get("region"),
            city=row.get("city"),
            os=row.get("os_name"),
            os_version=id_text(row.get("os_version")),
            device=row.get("device_family"),
            device_type=row.get("device_type"),
            locale=row.get("language"),
            channel=row.get("platform"),
            library=row.get("library"),
        ),
        profiled=bool(user or device),
        changes={"set": traits} if traits else None,
    )
    return Mapped(event, message_id=_id_of(row, device), session_id=_session(row, device))


def _id_of(row: dict[str, Any], device: str) -> str:
    """``uuid`` is the event's own; ``$insert_id`` is one among those of its device."""
    found = id_text(row.get("uuid"))
    return found or key(device, row.get("$insert_id") or row.get("insert_id"))


def _session(row: dict[str, Any], device: str) -> str:
    """Name a session, which Amplitude counts per device by its beginning in ms."""
    session = id_text(row.get("session_id"))
    return "" if session == _NO_SESSION else key(device or row.get("user_id"), session)
