"""CloudEvents understood."""

from typing import Final

from schemas import times
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.reading import as_word, id_text, texts
from schemas.wire.cloudevents.event import BINARY, DATA, IDS, check

_ELSEWHERE: Final = frozenset({DATA, BINARY, "id", "type", "time", *IDS})
"""Attributes that have a place of their own in the row; the others are its context."""


def decode(raw: RawEvent) -> Event:
    """Understand one event.

    Raises:
        Malformed: what a request with this event would be refused for.
    """
    body = check(raw.body, ("body",))
    data, binary = body.get(DATA), body.get(BINARY)
    if type(data) is not dict:
        kept = {DATA: data, BINARY: binary}
        data = {name: value for name, value in kept.items() if value is not None}
    user_id, anonymous_id = id_text(body.get("userid")), id_text(body.get("anonymousid"))
    return Event(
        "track",
        body["type"].strip(),
        event_time=times.from_iso(as_word(body.get("time")).strip()),
        user_id=user_id,
        anonymous_id=anonymous_id,
        group_id=id_text(body.get("groupid")),
        properties=data,
        context={
            name: value
            for name, value in body.items()
            if name not in _ELSEWHERE and value is not None
        },
        details=texts(ip=raw.ip, user_agent=raw.user_agent),
        profiled=bool(user_id or anonymous_id or id_text(body.get("sessionid"))),
    )
