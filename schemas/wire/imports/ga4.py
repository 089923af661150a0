"""Google Analytics 4: rows of its BigQuery export, written as JSON lines.

https://support.google.com/analytics/answer/7029846
"""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.reading import JsonObject, id_text, inside
from schemas.wire.imports.mapped import Mapped, as_row, details, key, moment, name_of
from schemas.wire.imports.plan import Plan

_KINDS: Final[dict[str, Kind]] = {"page_view": "page", "screen_view": "screen"}
_INTEGERS: Final = ("int_value",)
_FLOATS: Final = ("double_value", "float_value")
_KEPT: Final = (
    "app_info",
    "traffic_source",
    "collected_traffic_source",
    "session_traffic_source_last_click",
    "stream_id",
    "event_value_in_usd",
    "event_dimensions",
    "privacy_info",
    "publisher",
    "user_first_touch_timestamp",
    "user_ltv",
)


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row. GA4 gives events no id, so a row has that of its place in the file.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = as_row(body)
    name = name_of(row.get("event_name"), "event_name")
    given = _pairs(row.get("event_params"))
    traits = _pairs(row.get("user_properties"))
    user, device = id_text(row.get("user_id")), id_text(row.get("user_pseudo_id"))
    extra = {each: row[each] for each in ("ecommerce", "items") if row.get(each)}
    event = Event(
        _KINDS.get(name, "track"),
        name,
        event_time=moment(row.get("event_timestamp"), "event_timestamp", plan.began or None),
        user_id=user,
        anonymous_id=device,
        properties=given | extra,
        context={each: row[each] for each in _KEPT if row.get(each)},
        details=_details(row, given),
        profiled=bool(user or device),
        changes={"set": traits} if traits else None,
    )
    return Mapped(event, session_id=key(device, given.get("ga_session_id")))


def _pairs(given: Any) -> JsonObject:
    """Read ``[{"key", "value": {"string_value" | "int_value" | ...}}]``."""
    found: JsonObject = {}
    for pair in given if type(given) is list else ():
        name = pair.get("key") if type(pair) is dict else None
        if type(name) is str:
            value = _value(inside(pair, "value"))
            if value is not None:
                found[name] = value
    return found


def _value(held: JsonObject) -> Any:
    """Take the one that is there; BigQuery writes 64-bit integers as text."""
    if held.get("string_value") is not None:
        return held["string_value"]
    for name in _INTEGERS:
        if held.get(name) is not None:
            return _number(held[name], int)
    for name in _FLOATS:
        if held.get(name) is not None:
            return _number(held[name], float)
    return None


def _number(value: Any, kind: type[int] | type[float]) -> Any:
    if type(value) is not str or len(value) > 32:  # noqa: PLR2004 - no 64-bit number is longer
        return value
    try:
        return kind(value)
    except ValueError:
        return value


def _details(row: JsonObject, given: JsonObject) -> dict[str, str]:
    device, geo = inside(row, "device"), inside(row, "geo")
    web, traffic = inside(device, "web_info"), inside(row, "collected_traffic_source")
    return details(
        given.get("page_location"),
        title=given.get("page_title"),
        referrer=given.get("page_referrer"),
        utm_source=traffic.get("manual_source"),
        utm_medium=traffic.get("manual_medium"),
        utm_campaign=traffic.get("manual_campaign_name"),
        utm_term=traffic.get("manual_term"),
        utm_content=traffic.get("manual_content"),
        country=geo.get("country"),
        region=geo.get("region"),
        city=geo.get("city"),
        browser=web.get("browser") or device.get("browser"),
        browser_version=web.get("browser_version") or device.get("browser_version"),
        os=device.get("operating_system"),
        os_version=device.get("operating_system_version"),
        device=device.get("mobile_model_name"),
        device_type=device.get("category"),
        locale=device.get("language"),
        channel=row.get("platform"),
    )
