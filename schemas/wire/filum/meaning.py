"""Filum's events understood."""

from typing import Any, Final

from schemas import links, times
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.reading import JsonObject, as_word, id_text, inside, screen_size, texts
from schemas.wire.filum.event import check, ids_of, previous_id_of
from schemas.wire.filum.params import properties

_TRAITS: Final = frozenset({"identify", "group"})
"""Kinds whose properties are a user's or a group's."""


def decode(raw: RawEvent) -> Event:
    """Understand one event.

    Raises:
        Malformed: what a single event would be refused for.
    """
    body = raw.body
    kind, name = check(body, ("body",))
    errors: list[str] = []
    user_id, anonymous_id = ids_of(body)
    context = _context(body.get("context"), errors)
    said = _untyped(body) | properties(body.get("event_params"), errors)
    return Event(
        kind,
        name,
        event_time=_event_time(body, errors),
        sent_at=times.storable(_time(body, "sent_at", errors)),
        user_id=user_id,
        anonymous_id=anonymous_id,
        group_id=id_text(body.get("group_id")) or id_text(body.get("groupId")),
        properties=said,
        context=context,
        details=_details(context, raw),
        errors=tuple(errors),
        changes={"set": said} if said and kind in _TRAITS else None,
        previous_id=previous_id_of(body) if kind == "alias" else "",
    )


def _untyped(body: JsonObject) -> JsonObject:
    """Properties and traits as the Node SDK passes them through from callers used to Segment."""
    return inside(body, "traits") | inside(body, "properties")


def _context(context: Any, errors: list[str]) -> JsonObject:
    """Take a context; some Node SDKs send it as typed items, too."""
    if type(context) is list:
        return properties(context, errors, "context")
    return context if type(context) is dict else {}


def _event_time(body: JsonObject, errors: list[str]) -> int | None:
    found = _time(body, "timestamp", errors)
    return _time(body, "original_timestamp", errors) if found is None else found


def _time(body: JsonObject, name: str, errors: list[str]) -> int | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    found = times.from_date(value) if type(value) is str else None
    if type(value) is int or type(value) is float:
        found = times.from_number(value)
    if found is None:
        errors.append(f"{name} is no time")
    return found


def _details(context: JsonObject, raw: RawEvent) -> dict[str, str]:
    page, os, device = inside(context, "page"), inside(context, "os"), inside(context, "device")
    library = inside(context, "library")
    url = as_word(page.get("url"))
    referrer = as_word(page.get("referrer") or inside(context, "referrer").get("url"))
    return _campaign(url, inside(context, "campaign")) | texts(
        page_url=page.get("url"),
        page_path=page.get("path") or links.path(url),
        page_title=page.get("title"),
        referrer=referrer,
        referrer_host=links.host(referrer),
        ip=context.get("ip") or raw.ip,
        user_agent=context.get("user_agent") or raw.user_agent,
        os=os.get("name"),
        os_version=os.get("version"),
        device=device.get("model"),
        device_type=device.get("type"),
        screen=screen_size(inside(context, "screen")),
        locale=context.get("locale"),
        timezone=context.get("timezone"),
        library=library.get("name"),
        library_version=library.get("version"),
    )


def _campaign(url: str, campaign: JsonObject) -> dict[str, str]:
    return links.campaign(url) | texts(
        utm_source=campaign.get("source"),
        utm_medium=campaign.get("medium"),
        utm_campaign=campaign.get("name"),
        utm_term=campaign.get("term"),
        utm_content=campaign.get("content"),
    )
