"""Filum's events understood."""

from schemas import links, times
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.reading import JsonObject, as_word, id_text, inside, screen_size, texts
from schemas.wire.filum.event import check
from schemas.wire.filum.params import properties


def decode(raw: RawEvent) -> Event:
    """Understand one event.

    Raises:
        Malformed: what a single event would be refused for.
    """
    body = raw.body
    kind, name = check(body, ("body",))
    context = inside(body, "context")
    errors: list[str] = []
    return Event(
        kind,
        name,
        event_time=_event_time(body, errors),
        sent_at=times.storable(_time(body, "sent_at", errors)),
        user_id=id_text(body.get("user_id")),
        anonymous_id=id_text(body.get("anonymous_id")),
        group_id=id_text(body.get("group_id")),
        properties=properties(body.get("event_params"), errors),
        context=context,
        details=_details(context, raw),
        errors=tuple(errors),
    )


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
