"""Visits of links and pixels understood."""

from typing import Final

from schemas import links
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import Event
from schemas.reading import MAX_NAME, as_object, as_text, as_word, id_text, inside, required, texts

_WHERE: Final = ("body",)
_PROXIES: Final = {"GoogleImageProxy": "google", "YahooMailProxy": "yahoo"}
"""Fetch a picture when its mail is opened, in the reader's place."""
_APPLE: Final = "Mozilla/5.0"
"""All that Apple's Mail Privacy Protection says; it fetches whether or not anybody opens."""


def decode(raw: RawEvent) -> Event:
    """Understand one visit.

    Raises:
        Malformed: when the line is none that :func:`edge.split` wrote.
    """
    body = as_object(raw.body, _WHERE)
    shared = raw.batch if type(raw.batch) is dict else {}
    where = (*_WHERE, "type")
    event_type = as_text(required(body, "type", _WHERE), where, MAX_NAME)
    if not event_type:
        raise Malformed("missing", "the event has no type", where=where)
    target, campaign = as_word(body.get("target")), as_word(body.get("campaign"))
    referrer = as_word(shared.get("referrer"))
    said = texts(campaign=campaign, target=target)
    proxy = _proxy(raw.user_agent)
    return Event(
        "track",
        event_type,
        user_id=id_text(body.get("recipient")),
        properties=inside(body, "properties") | said,
        context={"mail_proxy": proxy} if proxy else {},
        details=links.campaign(target)
        | texts(
            utm_campaign=campaign,
            referrer=referrer,
            referrer_host=links.host(referrer),
            ip=raw.ip,
            user_agent=raw.user_agent,
            locale=shared.get("language"),
        ),
    )


def _proxy(user_agent: str) -> str:
    if user_agent.strip() == _APPLE:
        return "apple"
    return next((name for sign, name in _PROXIES.items() if sign in user_agent), "")
