"""Segment's archive in S3: gzipped JSON lines of messages as its API took them.

https://segment.com/docs/connections/storage/catalog/aws-s3/; RudderStack's dumps are alike.
"""

from typing import Any, Final

from schemas.events import Event, Kind
from schemas.reading import JsonObject, id_text, inside, screen_size
from schemas.wire.imports.kinds import kind_of
from schemas.wire.imports.mapped import Mapped, as_row, details, holding, moment, name_of
from schemas.wire.imports.plan import Plan

_NAMES: Final[dict[Kind, str]] = {
    "page": "page_view",
    "screen": "screen_view",
    "identify": "identify",
    "group": "group",
    "alias": "alias",
}


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = as_row(body)
    kind = kind_of(row.get("type"))
    name = row.get("event") if kind == "track" else _NAMES[kind]
    context = holding(row.get("context"), "context")
    given = holding(row.get("properties"), "properties")
    of_user = context.get("traits") if kind == "identify" else None
    traits = holding(row.get("traits") or of_user, "traits")
    user, anonymous = id_text(row.get("userId")), id_text(row.get("anonymousId"))
    when = row.get("timestamp") or row.get("originalTimestamp") or row.get("receivedAt")
    event = Event(
        kind,
        name_of(name, "event"),
        event_time=moment(when, "timestamp", plan.began or None),
        sent_at=moment(row.get("sentAt"), "sentAt"),
        user_id=user,
        anonymous_id=anonymous,
        group_id=id_text(row.get("groupId")) or id_text(context.get("groupId")),
        previous_id=id_text(row.get("previousId")) if kind == "alias" else "",
        properties=_named(row, kind) | given | (traits if kind in {"identify", "group"} else {}),
        context=context,
        details=_details(row, context, given),
        profiled=bool(user or anonymous),
        changes={"set": traits} if traits and kind in {"identify", "group"} else None,
    )
    return Mapped(event, message_id=id_text(row.get("messageId")))


def _named(row: JsonObject, kind: Kind) -> JsonObject:
    """Keep the name and category of a page, which are beside its properties."""
    if kind not in {"page", "screen"}:
        return {}
    return {name: row[name] for name in ("name", "category") if id_text(row.get(name))}


def _details(row: JsonObject, context: JsonObject, given: JsonObject) -> dict[str, str]:
    page, campaign = inside(context, "page"), inside(context, "campaign")
    library, system = inside(context, "library"), inside(context, "os")
    device = inside(context, "device")
    return details(
        given.get("url") or page.get("url"),
        title=given.get("title") or page.get("title"),
        referrer=given.get("referrer") or page.get("referrer"),
        ip=context.get("ip") or row.get("request_ip"),
        user_agent=context.get("userAgent"),
        utm_source=campaign.get("source"),
        utm_medium=campaign.get("medium"),
        utm_campaign=campaign.get("name"),
        utm_term=campaign.get("term"),
        utm_content=campaign.get("content"),
        os=system.get("name"),
        os_version=system.get("version"),
        device=device.get("model"),
        device_type=device.get("type"),
        screen=screen_size(inside(context, "screen")),
        locale=context.get("locale"),
        timezone=context.get("timezone"),
        channel=row.get("channel"),
        library=library.get("name"),
        library_version=library.get("version"),
    )
