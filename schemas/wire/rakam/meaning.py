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
from schemas.wire.rakam.element import (
    TRIGGERS,
    collection_of,
    moment,
    properties_of,
    traits_of,
    user_of,
)

_PROFILE_COLLECTIONS: Final = frozenset({"$identify", "$$user"})
"""Where the mobile trackers put user properties."""
_OWN_COLUMNS: Final = frozenset({"_time", "_user", *TRIGGERS})
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


def decode(raw: RawEvent) -> Event:
    """Understand one event object, or one user call.

    Raises:
        Malformed: what the server would have answered with 400.
    """
    body = as_object(raw.body, ("body",))
    shared = as_object(raw.batch, ("body",))
    if raw.endpoint not in {"collect", "batch"}:
        return _user_call(raw, body)
    collection = collection_of(body)
    found = properties_of(body)
    api = inside(shared, "api") | inside(body, "api")
    sent_at, errors = _upload_time(api.get("upload_time"))
    device_time = moment(found.get("_time"))
    event_time = device_time
    if device_time is not None and sent_at is not None:
        event_time = device_time + raw.received_at - sent_at
    return Event(
        "identify" if collection in _PROFILE_COLLECTIONS else "track",
        collection,
        event_time=event_time,
        sent_at=times.storable(sent_at),
        user_id=id_text(found.get("_user")),
        anonymous_id=id_text(found.get("_device_id")),
        properties={name: found[name] for name in found if name not in _OWN_COLUMNS},
        details=_details(found, api, shared, raw),
        errors=errors,
    )


def _user_call(raw: RawEvent, body: JsonObject) -> Event:
    return Event("identify", raw.endpoint, user_id=user_of(body), properties=traits_of(body))


def _upload_time(value: Any) -> tuple[int | None, tuple[str, ...]]:
    """Read ``upload_time``: Unix ms, as a number or as its text."""
    if value is None:
        return None, ()
    if type(value) is int or type(value) is float:
        return int(value), ()
    if type(value) is str and value.strip().isdecimal() and len(value) <= 20:  # noqa: PLR2004
        return int(value), ()
    return None, ("api.upload_time is no Unix time in ms: the device's clock is not corrected",)


def _details(
    found: JsonObject, api: JsonObject, shared: JsonObject, raw: RawEvent
) -> dict[str, str]:
    library = inside(api, "library")
    referrer = as_word(_asked(found.get("_referrer"), shared.get("referrer")))
    return texts(
        **{detail: found[name] for name, detail in _DETAILS.items() if name in found},
        ip=_asked(found.get("_ip"), raw.ip),
        user_agent=_asked(found.get("_user_agent"), raw.user_agent),
        referrer=referrer,
        referrer_host=links.host(referrer),
        library=library.get("name"),
        library_version=library.get("version"),
    )


def _asked(value: Any, of_request: Any) -> Any:
    """A trigger's own text, or the request's when it is ``true``; nothing is kept unasked."""
    return of_request if value is True else value
