"""Tracardi's events understood."""

from schemas import links
from schemas.envelope import RawEvent
from schemas.events import Event, Kind
from schemas.reading import (
    JsonObject,
    as_object,
    as_word,
    id_text,
    inside,
    screen_size,
    texts,
)
from schemas.wire.tracardi.payload import MODEL, check_event, event_name, instant


def decode(raw: RawEvent) -> Event:
    """Understand one event of a payload, or one webhook's body.

    Raises:
        Malformed: when the line is none that :func:`edge.split` wrote.
    """
    shared = as_object(raw.batch, ("body",))
    body = as_object(raw.body, ("body",), MODEL)
    if raw.endpoint == "collect":
        return _webhook(event_name(shared.get("type"), ("path", "type")), body, raw)
    check_event(body, ("body",))
    event_type = _event_type(body["type"])
    outer, inner = inside(shared, "context"), inside(body, "context")
    return Event(
        _kind(event_type),
        event_type,
        event_time=_event_time(inside(body, "time")),
        anonymous_id=id_text(inside(shared, "device").get("id")),
        properties=inside(body, "properties"),
        context=outer | inner,
        details=_details(outer, inner, raw),
        tags=tuple([tag for tag in body.get("tags") or () if type(tag) is str]),
        profiled=shared.get("profile_less") is not True,
    )


def _webhook(name: str, body: JsonObject, raw: RawEvent) -> Event:
    event_type = _event_type(name)
    details = texts(ip=raw.ip, user_agent=raw.user_agent)
    return Event(_kind(event_type), event_type, properties=body, details=details, profiled=False)


def _event_type(name: str) -> str:
    return name.strip().lower().replace(" ", "-")


def _kind(event_type: str) -> Kind:
    return "page" if event_type == "page-view" else "track"


def _event_time(time: JsonObject) -> int | None:
    """``insert`` overrides the time of collection, of which ``create`` is the client's idea."""
    chosen = time.get("insert")
    return instant(time.get("create") if chosen is None else chosen)


def _details(outer: JsonObject, inner: JsonObject, raw: RawEvent) -> dict[str, str]:
    page = inside(inner, "page") or inside(outer, "page")
    browser = inside(inside(inside(outer, "browser"), "local"), "browser")
    return _campaign(outer, page) | texts(
        page_url=page.get("url"),
        page_path=page.get("path") or links.path(as_word(page.get("url"))),
        page_title=page.get("title"),
        referrer_host=inside(page, "referer").get("host"),
        ip=raw.ip,
        user_agent=browser.get("userAgent") or raw.user_agent,
        locale=browser.get("language"),
        screen=screen_size(inside(inside(outer, "screen"), "local")),
        timezone=inside(outer, "time").get("tz"),
    )


def _campaign(outer: JsonObject, page: JsonObject) -> dict[str, str]:
    """What the tracker found in the page's address at load, else what is in it now."""
    utm = inside(outer, "utm")
    if not utm:
        return links.campaign(as_word(page.get("url")))
    return texts(
        utm_source=utm.get("source"),
        utm_medium=utm.get("medium"),
        utm_campaign=utm.get("campaign"),
        utm_term=utm.get("term"),
        utm_content=utm.get("content"),
    )
