"""What goes in and out of Tracardi's paths, as JSON Schema."""

from typing import Final

from schemas.openapi import (
    ANYTHING,
    BOOLEAN,
    OBJECT,
    PLAIN,
    PROSE,
    SOME,
    STRING,
    WHOLE,
    array,
    nullable,
    record,
    ref,
    text,
)
from schemas.reading import MAX_ID, MAX_NAME, JsonObject
from schemas.source_fields import MAX_DESCRIPTION
from schemas.wire.tracardi.payload import FALSE, FLAGS, TRUE
from schemas.wire.tracardi.records import TYPES

_SWITCH: Final[JsonObject] = {"type": ["boolean", "null"]}
_PERHAPS: Final[JsonObject] = {"type": ["object", "null"]}
_ID: Final = record({"id": text(MAX_ID)}, ("id",))
_PROFILE: Final = record({"id": text(MAX_ID), "primary_id": nullable(text(MAX_ID))}, ("id",))
_LENIENT: Final[JsonObject] = {
    "anyOf": [
        {"type": ["boolean", "null"]},
        {"type": "string", "enum": sorted(TRUE | FALSE)},
        {"type": "integer", "enum": [0, 1]},
    ]
}
_MOMENT: Final[JsonObject] = {
    "anyOf": [
        {"type": "string", "format": "date-time", "maxLength": 64},
        {"type": "number", "minimum": 0, "maximum": 253_402_300_799_999},
        {"type": "null"},
    ],
    "description": "ISO 8601, UTC where it names no offset, or Unix s; above 2e10 Unix ms.",
}
TYPE: Final = text(MAX_NAME, pattern=SOME)
_EVENT: Final = record(
    {
        "id": nullable(text(MAX_ID, description="The same event sent again has the same id.")),
        "type": {**TYPE, "description": "`Purchase Order` is stored as `purchase-order`."},
        "time": nullable(record(dict.fromkeys(("insert", "create", "update"), _MOMENT))),
        "properties": _PERHAPS,
        "context": {**_PERHAPS, "description": "`page` and what else is known."},
        "options": {**_PERHAPS, "description": "`saveEvent`: false processes and stores not."},
        "tags": {"type": ["array", "null"], "items": ANYTHING},
        **dict.fromkeys(FLAGS, _PERHAPS),
    },
    ("type",),
)
_PAYLOAD: Final = record(
    {
        "source": {**_ID, "description": "The event source, which is the credential."},
        "session": {**nullable(_ID), "description": "The client's own; none: one is drawn."},
        "profile": {**nullable(_PROFILE), "description": "Adopted when headrace issued it."},
        "context": _PERHAPS,
        "properties": _PERHAPS,
        "request": _PERHAPS,
        "options": {
            **_PERHAPS,
            "description": "`saveSession`, `saveEvents`, `saveProfile`, `debugger`, `profile`.",
        },
        "events": array(ref("TracardiEvent")),
        "debug": _LENIENT,
        "profile_less": {**_LENIENT, "description": "The query parameter alone counts."},
    },
    ("source",),
)
_TOLD_ID: Final = record({"id": {"type": ["string", "null"]}}, ("id",))
_ANSWER: Final = record(
    {
        "task": STRING,
        "ux": array(OBJECT),
        "response": OBJECT,
        "events": array(STRING),
        "profile": {**_TOLD_ID, "description": "The profile that the events are stored under."},
        "session": _TOLD_ID,
        "source": record({"consent": BOOLEAN}, ("consent",)),
        "errors": array(STRING),
        "warnings": array(STRING),
        "debugging": OBJECT,
    },
    ("task", "ux", "response", "events", "profile", "session", "source", "errors", "warnings"),
)
_INVALID: Final = record(
    {"type": STRING, "loc": array({"type": ["string", "integer"]}), "msg": STRING},
    ("type", "loc", "msg"),
)
_ERROR: Final = record({"detail": {"anyOf": [STRING, array(_INVALID)]}}, ("detail",))
_SLUG: Final = r"^\s*([A-Za-z0-9][A-Za-z0-9_-]{0,62})?\s*$"
_KIND: Final[JsonObject] = {"type": "string", "enum": list(TYPES)}
_RECORD: Final[JsonObject] = {
    **record(
        {
            "id": nullable(text(MAX_ID, pattern=_SLUG)),
            "name": text(MAX_NAME, pattern=PLAIN),
            "type": {"anyOf": [_KIND, array(_KIND, minItems=1, maxItems=1)]},
            "bridge": record({"id": text(MAX_ID), "name": text(MAX_ID)}, ("id", "name")),
            "channel": nullable(text(MAX_NAME, pattern=PLAIN)),
            "description": nullable(text(MAX_DESCRIPTION, pattern=PROSE)),
            **dict.fromkeys(
                ("enabled", "transitional", "requires_consent", "returns_profile"), _SWITCH
            ),
            "config": nullable(
                record(
                    {
                        "static_profile_id": _SWITCH,
                        "generate_profile": _SWITCH,
                        "sticky_session": _SWITCH,
                        "replace_profile_id": nullable(text(MAX_NAME, pattern=PLAIN)),
                    }
                )
            ),
        },
        ("name", "type", "bridge"),
    ),
    "anyOf": [
        record({"name": {"type": "string", "pattern": "[A-Za-z0-9]"}}),
        record({"id": {"type": "string", "pattern": "[A-Za-z0-9]"}}, ("id",)),
    ],
}
SHOWN: Final = record({"id": STRING, "name": STRING, "type": array(STRING)}, ("id", "name", "type"))
LISTED: Final = record(
    {"total": WHOLE, "grouped": OBJECT, "result": array(SHOWN)}, ("total", "grouped", "result")
)
COUNTED: Final = record(
    {"total": WHOLE, "result": {"type": ["array", "object"]}}, ("total", "result")
)
SAVED: Final = record(
    {"saved": WHOLE, "errors": array(STRING), "ids": array(STRING)}, ("saved", "errors", "ids")
)
TOKEN: Final = record(
    {"access_token": STRING, "token_type": STRING, "roles": array(STRING)},
    ("access_token", "token_type"),
)
LOGIN: Final = record(
    {"username": {"type": "string", "minLength": 1}, "password": text(1024, minLength=1)},
    ("username", "password"),
)
PROFILE_LESS: Final[JsonObject] = {
    "type": "string",
    "enum": [*sorted(TRUE), *sorted(FALSE)],
}
SCHEMAS: Final[dict[str, JsonObject]] = {
    "TracardiPayload": _PAYLOAD,
    "TracardiEvent": _EVENT,
    "TracardiAnswer": _ANSWER,
    "TracardiSource": _RECORD,
    "TracardiError": _ERROR,
}
