"""Tracardi's events understood."""

from typing import Final

from schemas import hooked, links
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
from schemas.wire.tracardi import note, options
from schemas.wire.tracardi.payload import FLAGS, MODEL, check_event, event_name, instant

_LONGEST_MESSAGE: Final = 1_000
_TRAITS: Final = frozenset({"sign-in", "sign-up", "profile-update"})
"""Predefined event types whose properties go into the profile, without a mapping of one's own."""


def decode(raw: RawEvent) -> Event:
    """Understand one event of a payload, one webhook's body, or the visit of a redirect.

    Raises:
        Malformed: when the line is none that :func:`edge.split` wrote.
    """
    shared = as_object(raw.batch, ("body",))
    if "webhook" in shared:
        raise hooked.unknown(as_word(shared["webhook"]))
    body = as_object(raw.body, ("body",), MODEL)
    if raw.endpoint != "track":
        return _bare(event_name(shared.get("type"), ("path", "type")), body, shared, raw)
    check_event(body, ("body",))
    event_type = _event_type(body["type"])
    outer, inner = inside(shared, "context"), inside(body, "context")
    chosen = inside(shared, "options")
    properties = inside(body, "properties")
    return Event(
        _kind(event_type),
        event_type,
        event_time=_event_time(inside(body, "time")),
        anonymous_id=id_text(inside(shared, "device").get("id")),
        properties=properties,
        context=_context(outer, inner, inside(shared, "request")),
        details=_details(outer, inner, shared, raw),
        tags=tuple([tag for tag in body.get("tags") or () if type(tag) is str]),
        errors=_errors(body),
        profiled=shared.get("profile_less") is not True,
        binding=note.binding(shared),
        changes=_traits(event_type, properties),
        saves_event=options.saves_event(chosen, body),
        saves_session=options.flag(chosen, "saveSession", default=True),
        saves_profile=options.flag(chosen, "saveProfile", default=True),
    )


def _bare(name: str, body: JsonObject, shared: JsonObject, raw: RawEvent) -> Event:
    """Understand what is nothing but properties."""
    event_type = _event_type(name)
    binding = note.binding(shared)
    reason = as_word(shared.get("reason"))
    return Event(
        _kind(event_type),
        event_type,
        properties=body,
        details=texts(
            ip=raw.ip,
            user_agent=raw.user_agent,
            locale=note.language(shared),
        ),
        errors=(f"json-invalid: {reason}",) if reason else (),
        profiled=binding is not None,
        binding=binding,
        changes=_traits(event_type, body),
    )


def _traits(event_type: str, properties: JsonObject) -> JsonObject | None:
    return {"set": properties} if properties and event_type in _TRAITS else None


def _context(outer: JsonObject, inner: JsonObject, request: JsonObject) -> JsonObject:
    context = outer | inner
    if request:
        context.setdefault("request", request)
    return context


def _errors(body: JsonObject) -> tuple[str, ...]:
    """What an earlier stage found: the event is kept, and not valid."""
    found = []
    for name in FLAGS:
        said = inside(body, name)
        if said.get("error") is True:
            message = as_word(said.get("message"))[:_LONGEST_MESSAGE]
            found.append(f"{name}: {message or 'flagged by the sender'}")
    return tuple(found)


def _event_type(name: str) -> str:
    return name.strip().lower().replace(" ", "-")


def _kind(event_type: str) -> Kind:
    return "page" if event_type == "page-view" else "track"


def _event_time(time: JsonObject) -> int | None:
    """``insert`` overrides the time of collection, of which ``create`` is the client's idea."""
    chosen = time.get("insert")
    return instant(time.get("create") if chosen is None else chosen)


def _details(
    outer: JsonObject, inner: JsonObject, shared: JsonObject, raw: RawEvent
) -> dict[str, str]:
    page = inside(inner, "page") or inside(outer, "page")
    browser = inside(inside(inside(outer, "browser"), "local"), "browser")
    return _campaign(outer, page) | texts(
        page_url=page.get("url"),
        page_path=page.get("path") or links.path(as_word(page.get("url"))),
        page_title=page.get("title"),
        referrer_host=inside(page, "referer").get("host"),
        ip=raw.ip,
        user_agent=browser.get("userAgent") or raw.user_agent,
        locale=browser.get("language") or note.language(shared),
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
