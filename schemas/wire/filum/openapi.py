"""What Filum's path takes and answers, for ``/openapi.json``."""

from typing import Final, get_args

from schemas.events import Kind
from schemas.openapi import (
    ANYTHING,
    SOME,
    STRING,
    WHOLE,
    Description,
    answer,
    array,
    body,
    nullable,
    operation,
    record,
    ref,
    refusals,
    text,
)
from schemas.reading import MAX_ID, MAX_NAME, JsonObject

_TEXT: Final = """\
Filum's event API, for all its SDKs. The write key of an event source is the Bearer token.
"""
_KEY: Final = "filumWriteKey"
_ID: Final[JsonObject] = {"anyOf": [text(MAX_ID, pattern=SOME), {"type": "number"}]}
_TRACK: Final = "track"
_NAMED: Final = text(MAX_NAME, pattern=SOME)
_PERHAPS_NAMED: Final = nullable(text(MAX_NAME))
_EVENT: Final = record(
    {
        "event_type": {"type": "string", "enum": list(get_args(Kind))},
        "event_name": {"description": "Of all but a `track` the type stands for a missing one."},
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
)


def _variant(kinds: list[str], name: JsonObject, *required: str) -> JsonObject:
    properties = {"event_type": {"enum": kinds}, "event_name": name}
    return record(properties, ("event_type", *required))


_WHOLE: Final = {
    **_EVENT,
    "allOf": [
        {
            "anyOf": [
                _variant([_TRACK], _NAMED, "event_name"),
                _variant([kind for kind in get_args(Kind) if kind != _TRACK], _PERHAPS_NAMED),
            ]
        },
        {"anyOf": [record({each: _ID}, (each,)) for each in ("user_id", "anonymous_id")]},
    ],
}
_SAID: Final = record(
    {"statusCode": WHOLE, "code": WHOLE, "message": array(STRING)},
    ("statusCode", "code", "message"),
)
_ERROR: Final = record(
    {
        "statusCode": WHOLE,
        "code": {**STRING, "description": "for programs"},
        "error": STRING,
        "message": array(STRING),
        "error_code": {**WHOLE, "description": "40101: the event source is disabled"},
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
    schemas={"FilumEvent": _WHOLE, "FilumError": _ERROR},
    security={_KEY: {"type": "http", "scheme": "bearer"}},
)
