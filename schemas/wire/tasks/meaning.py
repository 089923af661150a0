"""Events of scheduled tasks understood."""

from typing import Any

from schemas import links
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.reading import as_word, id_text, inside, texts
from schemas.times import storable
from schemas.wire.tasks.event import kind_and_name, moment


def decode(raw: RawEvent) -> Event:
    """Understand one event; one without a time has that of the run, also when that is done again.

    Raises:
        Malformed: what the script would have been told.
    """
    body = raw.body
    kind, name = kind_and_name(body, ("body",))
    user_id, anonymous_id = id_text(body.get("user_id")), id_text(body.get("anonymous_id"))
    properties, traits = inside(body, "properties"), inside(body, "traits")
    context = inside(body, "context")
    page = inside(context, "page")
    url, referrer = as_word(page.get("url")), as_word(page.get("referrer"))
    return Event(
        kind,
        name,
        event_time=moment(body.get("time")) or _scheduled_at(raw.batch),
        user_id=user_id,
        anonymous_id=anonymous_id,
        group_id=id_text(body.get("group_id")),
        properties=(traits if kind in {"identify", "group"} else {}) | properties,
        context=context,
        details=links.campaign(url)
        | texts(
            page_url=url,
            page_path=links.path(url),
            page_title=page.get("title"),
            referrer=referrer,
            referrer_host=links.host(referrer),
            ip=context.get("ip"),
            user_agent=context.get("user_agent"),
            locale=context.get("locale"),
            timezone=context.get("timezone"),
            channel=context.get("channel"),
        ),
        profiled=bool(user_id or anonymous_id or id_text(body.get("session_id"))),
        changes={"set": traits} if traits else None,
        previous_id=id_text(body.get("previous_id")) if kind == "alias" else "",
        recorded=True,
    )


def _scheduled_at(shared: Any) -> int | None:
    found = shared.get("scheduled_at") if type(shared) is dict else None
    return storable(found) if type(found) is int else None
