"""Matomo's visits log: what ``Live.getLastVisitsDetails`` answers, an array of visits.

https://developer.matomo.org/api-reference/reporting-api#Live. A visit holds its actions, and
each of them is an event.
"""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.reading import JsonObject, as_word, id_text, inside
from schemas.wire.imports.mapped import Mapped, as_row, details, key, moment, name_of, without
from schemas.wire.imports.plan import Plan

_KINDS: Final[dict[str, Kind]] = {"action": "page"}
_NAMES: Final = {
    "action": "page_view",
    "download": "download",
    "outlink": "outlink",
    "search": "site_search",
    "goal": "goal",
    "ecommerceOrder": "ecommerce_order",
    "ecommerceAbandonedCart": "ecommerce_cart",
    "content": "content",
    "event": "event",
}
_ACTIONS: Final = "actionDetails"
_FOR_PEOPLE: Final = (
    "icon",
    "iconSVG",
    "timeSpentPretty",
    "serverTimePretty",
    "bandwidth_pretty",
    "title",
    "subtitle",
)
_COUNTED: Final = (
    "referrerType",
    "referrerName",
    "referrerKeyword",
    "visitorType",
    "visitCount",
    "customVariables",
)
_DIMENSION: Final = "dimension"
_UNKNOWN: Final = frozenset({"Unknown", "unknown", "UNK", "xx"})
"""What Matomo writes where it knows nothing."""


def split(row: Any) -> list[Any]:
    """Take a visit apart: each action with the visit and its place in it."""
    visit = as_row(row)
    actions = visit.get(_ACTIONS)
    if type(actions) is not list:
        return [row]
    alone = {name: value for name, value in visit.items() if name != _ACTIONS}
    return [
        {"visit": alone, "action": action, "number": number}
        for number, action in enumerate(actions)
    ]


def read(body: Any, plan: Plan) -> Mapped:
    """Understand an action of a visit.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = as_row(body)
    visit, action = inside(row, "visit"), inside(row, "action")
    kind = as_word(action.get("type"))
    name = name_of(_name(kind, action), "action.type")
    user = id_text(visit.get("userId"))
    device = id_text(visit.get("visitorId")) or id_text(visit.get("fingerprint"))
    session = key(visit.get("idSite"), visit.get("idVisit"))
    when = action.get("timestamp") or visit.get("serverTimestamp")
    event = Event(
        _KINDS.get(kind, "track"),
        name,
        event_time=moment(when, "action.timestamp", plan.began or None),
        user_id=user,
        anonymous_id=device,
        properties={
            each: value
            for each, value in without(action, *_FOR_PEOPLE, "type", "timestamp").items()
            if value != ""
        },
        context={
            each: value
            for each, value in visit.items()
            if value and (each in _COUNTED or each.startswith(_DIMENSION))
        },
        details=_details(visit, action),
        profiled=bool(user or device),
    )
    number = row.get("number")
    return Mapped(event, message_id=key(session, number), session_id=session)


def _name(kind: str, action: JsonObject) -> Any:
    if kind == "event":
        return action.get("eventAction") or _NAMES[kind]
    return _NAMES.get(kind, kind)


def _details(visit: JsonObject, action: JsonObject) -> dict[str, str]:
    known = {
        name: value for name, value in visit.items() if type(value) is str and value not in _UNKNOWN
    }
    found = details(
        action.get("url"),
        title=action.get("pageTitle"),
        referrer=known.get("referrerUrl"),
        ip=known.get("visitIp"),
        country=as_word(known.get("countryCode")).upper(),
        region=known.get("region"),
        city=known.get("city"),
        browser=known.get("browserName"),
        browser_version=known.get("browserVersion"),
        os=known.get("operatingSystemName"),
        os_version=known.get("operatingSystemVersion"),
        device=known.get("deviceModel"),
        device_type=as_word(known.get("deviceType")).lower(),
        screen=known.get("resolution"),
        locale=known.get("languageCode"),
    )
    if visit.get("referrerType") == "campaign" and type(visit.get("referrerName")) is str:
        found.setdefault("utm_campaign", visit["referrerName"])
    return found
