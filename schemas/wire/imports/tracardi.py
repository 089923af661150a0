"""Tracardi's events as it stores them, taken out of Elasticsearch: JSON lines."""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.reading import JsonObject, as_word, id_text, inside, screen_size
from schemas.wire.imports.mapped import Mapped, as_row, details, holding, moment, name_of
from schemas.wire.imports.plan import Plan

_KINDS: Final[dict[str, Kind]] = {"page-view": "page", "identification": "identify"}
_SOURCE: Final = "_source"


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a stored event, plain or as a hit of Elasticsearch (``_source``).

    Its profile stands for the visitor, as Tracardi knows no other id.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = as_row(body)
    row = inside(row, _SOURCE) or row
    name = name_of(row.get("type"), "type")
    profile = id_text(inside(row, "profile").get("id"))
    times, traits = inside(inside(row, "metadata"), "time"), holding(row.get("traits"), "traits")
    event = Event(
        _KINDS.get(name, "track"),
        name,
        event_time=moment(_first(times, "create", "insert"), "metadata.time", plan.began or None),
        anonymous_id=profile,
        properties=holding(row.get("properties"), "properties"),
        context=holding(row.get("context"), "context"),
        details=_details(row),
        tags=_tags(row),
        profiled=bool(profile),
        changes={"set": traits} if traits else None,
    )
    return Mapped(
        event,
        message_id=id_text(row.get("id")),
        session_id=id_text(inside(row, "session").get("id")),
    )


def _first(holder: JsonObject, *names: str) -> Any:
    return next((holder[name] for name in names if holder.get(name)), None)


def _tags(row: JsonObject) -> tuple[str, ...]:
    values = inside(row, "tags").get("values")
    return tuple(each for each in values if type(each) is str) if type(values) is list else ()


def _details(row: JsonObject) -> dict[str, str]:
    context, hit, utm = inside(row, "context"), inside(row, "hit"), inside(row, "utm")
    page, device, system = inside(context, "page"), inside(row, "device"), inside(row, "os")
    geo = inside(device, "geo")
    return details(
        hit.get("url") or page.get("url"),
        title=hit.get("name") or page.get("title"),
        referrer=inside(page, "referer").get("host"),
        ip=as_word(inside(row, "metadata").get("ip")) or device.get("ip"),
        utm_source=utm.get("source"),
        utm_medium=utm.get("medium"),
        utm_campaign=utm.get("campaign"),
        utm_term=utm.get("term"),
        utm_content=utm.get("content"),
        country=inside(geo, "country").get("code"),
        region=geo.get("region") or geo.get("county"),
        city=geo.get("city"),
        browser=inside(row, "app").get("name"),
        browser_version=inside(row, "app").get("version"),
        os=system.get("name"),
        os_version=system.get("version"),
        device=device.get("name"),
        device_type=device.get("type"),
        screen=screen_size(inside(context, "screen")),
        channel=inside(row, "metadata").get("channel"),
    )
