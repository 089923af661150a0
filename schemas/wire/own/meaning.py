"""The protocol's events understood."""

from collections.abc import Mapping
from typing import Any, Final

from schemas import links, times
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.reading import JsonObject, as_word, id_text, inside, screen_size, texts
from schemas.wire.own.event import check, ids_of

MAPS: Final = ("set", "set_once", "increment", "append", "prepend", "union")
"""Members of ``changes`` that are objects."""
_TELLS_TRAITS: Final = frozenset({"identify", "group"})


def decode(raw: RawEvent) -> Event:
    """Understand one event.

    Raises:
        Malformed: what a batch of this event alone would be refused for.
    """
    body, shared = raw.body, raw.batch if type(raw.batch) is dict else {}
    kind, name = check(body, ("body",), cookieless=shared.get("cookieless") is True)
    errors: list[str] = []
    sent_at = _time(shared, "sent_at", errors)
    event_time = _time(body, "time", errors)
    if event_time is not None and sent_at is not None:
        event_time += raw.received_at - sent_at  # of the device's clock only spans are believed
    user_id, anonymous_id = ids_of(body)
    # events of other services: in no session but one that is named, and nobody's without an id
    sessionless = shared.get("sessionless") is True
    context = inside(shared, "context") | _object(body, "context", errors)
    traits = _object(body, "traits", errors)
    said = _object(body, "properties", errors)
    changes = _changes(traits, body, errors)
    return Event(
        kind,
        name,
        event_time=event_time,
        sent_at=times.storable(sent_at),
        user_id=user_id,
        anonymous_id=anonymous_id,
        group_id=id_text(body.get("group_id")),
        properties=(traits if kind in _TELLS_TRAITS else {}) | said,
        context=context,
        details=_details(context, raw),
        errors=tuple(errors),
        profiled=not sessionless or bool(user_id or anonymous_id),
        saves_session=not sessionless or bool(raw.session_id),
        changes=changes,
        previous_id=id_text(body.get("previous_id")) if kind == "alias" else "",
    )


def _object(holder: JsonObject, name: str, errors: list[str]) -> JsonObject:
    value = holder.get(name)
    if value is not None and type(value) is not dict:
        errors.append(f"{name} is no object")
    return value if type(value) is dict else {}


def _time(holder: JsonObject, name: str, errors: list[str]) -> int | None:
    """Read Unix ms or ISO 8601."""
    value = holder.get(name)
    if value is None:
        return None
    found = times.from_iso(value) if type(value) is str else None
    if type(value) is int or type(value) is float:
        found = times.from_number(value)
    if found is None:
        errors.append(f"{name} is no time")
    return found


def _changes(traits: JsonObject, body: JsonObject, errors: list[str]) -> Mapping[str, Any] | None:
    """Take what is to be done to traits; ``traits`` is short for ``changes.set``."""
    given = _object(body, "changes", errors)
    made: dict[str, Any] = {}
    for name in MAPS:
        found = _object(given, name, errors)
        if name == "set":
            found = traits | found
        if found:
            made[name] = found
    unset = given.get("unset")
    if type(unset) is list and all(type(each) is str for each in unset):
        made |= {"unset": tuple(unset)} if unset else {}
    elif unset is not None:
        errors.append("unset is no list of names")
    if given.get("clear") is True:
        made["clear"] = True
    return made or None


def _details(context: JsonObject, raw: RawEvent) -> dict[str, str]:
    page, library = inside(context, "page"), inside(context, "library")
    url, referrer = as_word(page.get("url")), as_word(page.get("referrer"))
    campaign = inside(context, "campaign")
    return (
        links.campaign(url)
        | texts(**{name: campaign.get(name) for name in links.CAMPAIGN})
        | texts(
            page_url=url,
            page_path=page.get("path") or links.path(url),
            page_title=page.get("title"),
            referrer=referrer,
            referrer_host=links.host(referrer),
            ip=raw.ip,
            user_agent=context.get("user_agent") or raw.user_agent,
            screen=screen_size(inside(context, "screen")),
            locale=context.get("locale"),
            timezone=context.get("timezone"),
            channel=context.get("channel"),
            library=library.get("name"),
            library_version=library.get("version"),
        )
    )
