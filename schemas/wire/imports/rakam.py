"""Rakam's collections: rows with its special columns, or ``{"collection", "properties"}``."""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.reading import JsonObject, id_text
from schemas.wire.imports.mapped import (
    Mapped,
    as_row,
    cell,
    details,
    holding,
    key,
    moment,
    name_of,
    without,
)
from schemas.wire.imports.plan import Plan

_KINDS: Final[dict[str, Kind]] = {"pageview": "page", "screenview": "screen"}
_NO_SESSION: Final = "-1"
_COLLECTION: Final = ("collection", "_collection")
_DETAILS: Final = {
    "title": ("_title", "title"),
    "ip": ("__ip", "_ip"),
    "country": ("_country_code",),
    "region": ("_region",),
    "city": ("_city",),
    "browser": ("_user_agent_family",),
    "browser_version": ("_user_agent_version",),
    "os": ("_os", "_os_name"),
    "os_version": ("_os_version",),
    "device": ("_device_family", "_device_model"),
    "locale": ("_language",),
    "timezone": ("_timezone",),
    "channel": ("_platform",),
    "library": ("_library_name",),
    "library_version": ("_library_version",),
    "utm_source": ("utm_source", "_utm_source"),
    "utm_medium": ("utm_medium", "_utm_medium"),
    "utm_campaign": ("utm_campaign", "_utm_campaign"),
    "utm_term": ("utm_term", "_utm_term"),
    "utm_content": ("utm_content", "_utm_content"),
}
_KNOWN: Final = (
    *_COLLECTION,
    "_time",
    "_user",
    "_device_id",
    "_session_id",
    "_id",
    "$server_time",
    "_user_agent",
    "_referrer",
    "_url",
    *(name for names in _DETAILS.values() for name in names if name.startswith("_")),
)


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row; its collection is in it or, for a table's rows, ``--collection``.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = {each: cell(value, plan.types.get(each, "")) for each, value in as_row(body).items()}
    collection = _first(row, _COLLECTION) or plan.collection
    if "properties" in row:
        row = holding(row.get("properties"), "properties")
    name = name_of(collection, "collection")
    user, device = id_text(row.get("_user")), id_text(row.get("_device_id"))
    session = id_text(row.get("_session_id"))
    event = Event(
        _KINDS.get(name, "track"),
        name,
        event_time=moment(row.get("_time"), "_time", plan.began or None),
        user_id=user,
        anonymous_id=device,
        properties={each: value for each, value in without(row, *_KNOWN).items() if value != ""},
        details=_details(row),
        profiled=bool(user or device),
    )
    return Mapped(
        event,
        message_id=id_text(row.get("_id")),
        session_id="" if session == _NO_SESSION else key(device or user, session),
    )


def _first(row: JsonObject, names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _details(row: JsonObject) -> dict[str, str]:
    named = {column: id_text(_first(row, names)) for column, names in _DETAILS.items()}
    agent = row.get("_user_agent")
    return details(row.get("_url"), referrer=row.get("_referrer"), user_agent=agent, **named)
