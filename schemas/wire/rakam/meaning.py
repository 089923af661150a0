"""Rakam's events understood."""

from typing import Any, Final

from schemas import links, times
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.reading import (
    JsonObject,
    as_object,
    as_word,
    id_text,
    inside,
    texts,
)
from schemas.wire.rakam import changes, referrers, spiders, users
from schemas.wire.rakam.element import TRIGGERS, collection_of, moment, properties_of

_PROFILE_COLLECTIONS: Final = frozenset({"$identify", "$$user"})
"""Where the mobile trackers put user properties."""
_COPIED: Final = frozenset({"_time", "_user"})
"""Columns of their own, whoever sends them."""
_MAPPED: Final = _COPIED.union(TRIGGERS)
_DETAILS: Final = {
    "utm_source": "utm_source",
    "utm_medium": "utm_medium",
    "utm_campaign": "utm_campaign",
    "utm_term": "utm_term",
    "utm_content": "utm_content",
    "_language": "locale",
    "_os_name": "os",
    "_os_version": "os_version",
    "_device_model": "device",
    "_country_code": "country",
}
_REPEATED: Final = {
    "_ip": {
        "_country_code": "country",
        "_region": "region",
        "_city": "city",
        "_latitude": "latitude",
        "_longitude": "longitude",
        "_timezone": "timezone",
    },
    "_user_agent": {
        "_user_agent_family": "browser",
        "_user_agent_version": "browser_version",
        "_os": "os",
        "_os_version": "os_version",
        "_device_family": "device",
    },
}
"""Trigger -> the columns that it adds, by their names here."""
_NONE: Final[JsonObject] = {}


def decode(raw: RawEvent) -> Event:
    """Understand one event object, or one user call.

    Raises:
        Malformed: what the server would have answered with 400.
    """
    body = as_object(raw.body, ("body",))
    shared = as_object(raw.batch, ("body",))
    if raw.endpoint in users.ENDPOINTS:
        return users.decode(raw.endpoint, body)
    collection = collection_of(body)
    found = properties_of(body)
    api = _api(shared, body)
    sent_at, errors = _upload_time(api.get("upload_time", api.get("uploadTime")))
    event_time = moment(found.get("_time"))
    if event_time is not None and sent_at is not None:
        event_time += raw.received_at - sent_at
    asked = {} if raw.endpoint == "copy" else _asked(found, shared, raw)
    identifies = collection in _PROFILE_COLLECTIONS
    dropped = _COPIED if raw.endpoint == "copy" else _MAPPED
    kept = found.copy()
    for name in dropped:
        kept.pop(name, None)
    if asked:
        kept |= _referrer_columns(asked, found, shared)
    done = changes.of_identify(found) if identifies else _NONE
    return Event(
        "identify" if identifies else "track",
        collection,
        event_time=event_time,
        sent_at=times.storable(sent_at),
        user_id=id_text(found.get("_user")),
        anonymous_id=id_text(found.get("_device_id")),
        properties=kept,
        context=done,
        details=_details(found, api, asked),
        repeats=_repeats(asked) if asked else _NONE,
        flat=True,
        errors=errors,
        changes=changes.said(done) if done else None,
    )


def _api(shared: JsonObject, body: JsonObject) -> JsonObject:
    """The request's ``api``, and what an event's own says otherwise.

    iOS events have one without ``upload_time``, which must not undo the clock's correction.
    """
    common, own = inside(shared, "api"), inside(body, "api")
    return common | {name: own[name] for name in own if own[name] is not None} if own else common


def _upload_time(value: Any) -> tuple[int | None, tuple[str, ...]]:
    """Read ``upload_time``: Unix ms, as a number or as its text."""
    if value is None:
        return None, ()
    if type(value) is int or type(value) is float:
        return int(value), ()
    if type(value) is str and value.strip().isdecimal() and len(value) <= 20:  # noqa: PLR2004
        return int(value), ()
    return None, ("api.upload_time is no Unix time in ms: the device's clock is not corrected",)


def _asked(found: JsonObject, shared: JsonObject, raw: RawEvent) -> JsonObject:
    """What the triggers ask for: their own text, or the request's when they are ``true``.

    Nothing of a request is kept unasked.

    Raises:
        Malformed: ``spider``.
    """
    if found.keys().isdisjoint(TRIGGERS):
        return _NONE
    spiders.refuse(found.get("_user_agent"), raw.user_agent)
    of_request = (raw.ip, raw.user_agent, shared.get("referrer"))
    return {
        name: said if found.get(name) is True else found.get(name)
        for name, said in zip(TRIGGERS, of_request, strict=True)
    }


def _repeats(asked: JsonObject) -> dict[str, str]:
    repeats: dict[str, str] = {}
    for trigger, columns in _REPEATED.items():
        if as_word(asked.get(trigger)):
            repeats |= columns
    return repeats


def _referrer_columns(asked: JsonObject, found: JsonObject, shared: JsonObject) -> JsonObject:
    referrer = as_word(asked.get("_referrer"))
    if not referrer:
        return _NONE
    host = as_word(found.get("_host")) or as_word(shared.get("origin"))
    return dict(referrers.columns_of(referrer, links.host(host) or host))


def _details(found: JsonObject, api: JsonObject, asked: JsonObject) -> dict[str, str]:
    details = {
        detail: text
        for name, detail in _DETAILS.items()
        if type(text := found.get(name)) is str and text
    }
    if asked:
        referrer = as_word(asked.get("_referrer"))
        details |= texts(
            ip=asked.get("_ip"),
            user_agent=asked.get("_user_agent"),
            referrer=referrer,
            referrer_host=links.host(referrer),
        )
    if library := inside(api, "library"):
        details |= texts(library=library.get("name"), library_version=library.get("version"))
    return details
