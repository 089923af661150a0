"""What Filum's path takes and answers, for ``/openapi.json``."""

from typing import Final, get_args

from schemas.events import Kind
from schemas.openapi import (
    ANYTHING,
    STRING,
    Description,
    answer,
    array,
    body,
    operation,
    record,
    ref,
    refusals,
)
from schemas.reading import MAX_ID, MAX_NAME, JsonObject

_TEXT: Final = """\
Filum's event API, for all its SDKs. The write key of an event source is the Bearer token.
"""
_KEY: Final = "filumWriteKey"
_SOME: Final = r"[^\s\x1c-\x1f]"
"""Not only blanks."""
_ID: Final[JsonObject] = {
    "anyOf": [{"type": "string", "maxLength": MAX_ID, "pattern": _SOME}, {"type": "number"}]
}
_NAMED: Final[tuple[JsonObject, tuple[str, ...]]] = (
    {
        "event_type": {"const": "track"},
        "event_name": {"type": "string", "maxLength": MAX_NAME, "pattern": _SOME},
    },
    ("event_name",),
)
_UNNAMED: Final[tuple[JsonObject, tuple[str, ...]]] = (
    {
        "event_type": {"enum": [kind for kind in get_args(Kind) if kind != "track"]},
        "event_name": {"type": ["string", "null"], "maxLength": MAX_NAME},
    },
    (),
)
_EVENT: Final = record(
    {
        "event_name": {"description": "Required of a track; others are named after their type."},
        "event_type": {"type": "string", "enum": list(get_args(Kind))},
        "user_id": {"description": "Text or number; empty is none."},
        "anonymous_id": {"description": "Text or number; empty is none."},
        "event_id": {"description": "The same event sent again has the same id."},
        "event_params": {
            "type": ["array", "null"],
            "items": ANYTHING,
            "description": (
                "Items of a key and a typed value, such as "
                '`{"key": "price", "value": {"double_value": 9.95}}`.'
            ),
        },
        "timestamp": {"description": "ISO 8601."},
        "original_timestamp": {"description": "ISO 8601; what `timestamp` was on the device."},
        "context": {"description": "app, device, ip, library, os, page, screen, user_agent ..."},
    },
    ("event_type",),
) | {
    "anyOf": [
        {"properties": {name: _ID} | named[0], "required": [name, *named[1]]}
        for name in ("user_id", "anonymous_id")
        for named in (_NAMED, _UNNAMED)
    ]
}
_SAID: Final = record(
    {"statusCode": {"type": "integer"}, "code": {"type": "integer"}, "message": array(STRING)},
    ("statusCode", "code", "message"),
)
_ERROR: Final = record(
    {
        "statusCode": {"type": "integer"},
        "code": {**STRING, "description": "for programs"},
        "error": STRING,
        "message": array(STRING),
        "error_code": {"type": "integer", "description": "40101: the event source is disabled"},
    },
    ("statusCode", "code", "error", "message", "error_code"),
)
_ONE_OR_MANY: Final[JsonObject] = {
    "anyOf": [
        ref("FilumEvent"),
        {"type": "array", "maxItems": 0},
        {"type": "array", "contains": ref("FilumEvent")},
    ],
    "description": "Of several events the bad ones become dead letters, unless all are bad.",
}

DESCRIPTION: Final = Description(
    title="Filum",
    text=_TEXT,
    operations={
        ("POST", "/events"): operation(
            "events",
            "One event or an array of them",
            {
                "200": answer("All of them are safe.", _SAID),
                **refusals(ref("FilumError"), 400, 401, 403, 429),
            },
            takes=body(_ONE_OR_MANY),
            security=_KEY,
        )
    },
    schemas={"FilumEvent": _EVENT, "FilumError": _ERROR},
    security={_KEY: {"type": "http", "scheme": "bearer"}},
)
