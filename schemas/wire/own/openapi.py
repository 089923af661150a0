"""What the protocol's path takes and answers, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    BOOLEAN,
    OBJECT,
    SOME,
    STRING,
    WHOLE,
    Description,
    answer,
    body,
    nullable,
    operation,
    parameter,
    record,
    ref,
    refusals,
    text,
)
from schemas.reading import MAX_ID, MAX_NAME, JsonObject
from schemas.wire.own.event import KINDS, TRACK
from schemas.wire.own.meaning import MAPS

_TEXT: Final = """\
headrace's own protocol, which headrace.js speaks: batches of events. The write key is a Bearer \
token, `write_key` in the query, or `write_key` in the body, so that a page needs no pre-flight.
"""
_KEY: Final = "ownWriteKey"
_ID: Final[JsonObject] = {"anyOf": [text(MAX_ID, pattern=SOME), {"type": "number"}]}
_NAMED: Final = text(MAX_NAME, pattern=SOME)
_PERHAPS_NAMED: Final = nullable(text(MAX_NAME))
_TIME: Final[JsonObject] = {"description": "Unix ms or ISO 8601, of the client's clock."}
_EVENT: Final = record(
    {
        "id": {"description": "The same event sent again has the same id; best a UUID."},
        "type": {"type": "string", "enum": list(KINDS), "default": TRACK},
        "name": {"description": "Of all but a `track` the type has a name of its own."},
        "time": _TIME,
        "anonymous_id": {"description": "Text or number: the visitor."},
        "user_id": {"description": "Text or number: the user."},
        "session_id": {"description": "Without one sessions are cut by inactivity."},
        "group_id": {"description": "Text or number: the group of the user."},
        "previous_id": {"description": "Of an `alias`: the id that was used before."},
        "properties": {"description": "An object."},
        "traits": {"description": "An object: short for `changes.set`."},
        "changes": {
            "description": f"Of traits: objects {', '.join(MAPS)}; list unset; true clear."
        },
        "context": {"description": "page, campaign, screen, session, locale, timezone, library."},
    },
)
_NAME_OF_KIND: Final = {
    "anyOf": [
        record({"type": {"enum": [TRACK]}, "name": _NAMED}, ("name",)),
        record(
            {"type": {"enum": [kind for kind in KINDS if kind != TRACK]}, "name": _PERHAPS_NAMED},
            ("type",),
        ),
    ]
}
_SOMEBODY: Final = {"anyOf": [record({each: _ID}, (each,)) for each in ("user_id", "anonymous_id")]}
_ERROR: Final = record(
    {
        "error": record(
            {
                "code": {**STRING, "description": "for programs"},
                "message": {**STRING, "description": "for people: what to do"},
            },
            ("code", "message"),
        )
    },
    ("error",),
)


def _events(event: str) -> JsonObject:
    return {"anyOf": [{"type": "array", "maxItems": 0}, {"type": "array", "contains": ref(event)}]}


_BATCH: Final = record(
    {
        "write_key": {"description": "Where neither header nor query has one."},
        "sent_at": {**_TIME, "description": "When the client sent this, by the clock of `time`."},
        "cookieless": {
            **nullable(BOOLEAN),
            "description": "Events without an id are of a visitor of today, known by address and "
            "browser alone.",
        },
        "context": {**nullable(OBJECT), "description": "What the events' contexts share."},
        "events": {
            "description": "Of several the bad ones become dead letters, unless all are bad."
        },
    },
    ("events",),
)
_WHOLE: Final = {
    **_BATCH,
    "anyOf": [
        record({"events": _events("OwnEvent")}),
        record(
            {"cookieless": {"const": True}, "events": _events("OwnEventOfAnybody")},
            ("cookieless",),
        ),
    ],
}

DESCRIPTION: Final = Description(
    title="headrace.js",
    text=_TEXT,
    operations={
        ("POST", "/v1/events"): operation(
            "events",
            "A batch of events",
            {
                "200": answer("All of them are safe.", record({"accepted": WHOLE}, ("accepted",))),
                **refusals(ref("OwnError"), 400, 401, 403, 429),
            },
            parameters=(parameter("write_key", STRING, "In place of the header."),),
            takes=body({"application/json": ref("OwnBatch"), "text/plain": ref("OwnBatch")}),
            security=_KEY,
        )
    },
    schemas={
        "OwnBatch": _WHOLE,
        "OwnEvent": {**_EVENT, "allOf": [_NAME_OF_KIND, _SOMEBODY]},
        "OwnEventOfAnybody": {**_EVENT, "allOf": [_NAME_OF_KIND]},
        "OwnError": _ERROR,
    },
    security={_KEY: {"type": "http", "scheme": "bearer"}},
)
