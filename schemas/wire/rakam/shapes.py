"""What goes in and out of Rakam's paths, as JSON Schema."""

from typing import Final

from schemas import types
from schemas.openapi import ANYTHING, OBJECT, PLAIN, SOME, STRING, WHOLE, array, record, ref, text
from schemas.reading import MAX_ID, MAX_NAME, JsonObject
from schemas.wire.rakam.element import LONGEST_COLLECTION, TRIGGERS

_SCALAR: Final[JsonObject] = {"type": ["string", "number", "boolean", "null"]}
_NAME: Final = text(MAX_NAME, pattern=r"^[\x00-\x7f]*[\x00-\x1f!#-\x7f][\x00-\x7f]*$")
_ID: Final[JsonObject] = {"anyOf": [text(MAX_ID, pattern=SOME), {"type": "number"}]}
_MOMENT: Final[JsonObject] = {
    "anyOf": [
        {"type": ["number", "null"], "description": "Unix ms"},
        {"type": "string", "format": "date-time"},
    ]
}
COLLECTION: Final[JsonObject] = {
    **text(LONGEST_COLLECTION),
    "not": {"enum": ["_users", "_USERS"]},
}
SEPARATOR: Final[JsonObject] = {"type": "string", "pattern": r'^[^"\r\n ]$'}
_API: Final = record(
    {
        "api_key": {**STRING, "description": "The write key; before 2016 `apiKey`, `writeKey`."},
        "upload_time": {"description": "Unix ms on the device: corrects its clock."},
    },
    text="`checksum`, where there is one, is that of the events' bytes.",
)
_TRAITS: Final[JsonObject] = {"type": "object", "propertyNames": ref("RakamName")}
_PROPERTIES: Final[JsonObject] = {
    **record(
        {
            "_time": {**_MOMENT, "description": "Unix ms or a date; none is now."},
            "_user": {**_SCALAR, "maxLength": MAX_ID},
            **dict.fromkeys(TRIGGERS, _SCALAR),
        }
    ),
    "propertyNames": {
        "allOf": [ref("RakamName"), {"not": {"enum": ["$server_time", "$SERVER_TIME"]}}]
    },
}
_EVENT: Final = record(
    {
        "collection": COLLECTION,
        "api": ref("RakamApi"),
        "properties": _PROPERTIES,
        "event_id": {"type": ["number", "null"]},
    },
    ("collection", "api", "properties"),
    others=False,
)
BATCH: Final = record(
    {
        "api": ref("RakamApi"),
        "events": array(
            ANYTHING, description="Events; of a bad one the others are stored, it is kept apart."
        ),
    },
    ("api", "events"),
    others=False,
)
REMOTE: Final = record({"urls": array(STRING, minItems=1, maxItems=1)}, ("urls",))


def user_call(
    properties: dict[str, JsonObject], required: tuple[str, ...] = (), *, named: bool = True
) -> JsonObject:
    """Describe a call about a user, or about many where none is ``named``."""
    own = {"api": ref("RakamApi"), **({"id": _ID} if named else {})}
    return record({**own, **properties}, (*own, *required))


TRAITS: Final = user_call({"properties": _TRAITS}, ("properties",))
INCREMENT: Final = user_call(
    {"property": _NAME, "value": {"type": "number"}}, ("property", "value")
)
UNSET: Final = user_call(
    {"properties": {"anyOf": [array(ref("RakamName")), _TRAITS]}}, ("properties",)
)
STEPS: Final = user_call({"data": array(ANYTHING)}, ("data",))
MANY_STEPS: Final = user_call({"data": array(ANYTHING)}, ("data",), named=False)
CREATE: Final = user_call({"properties": {"anyOf": [_TRAITS, {"type": "null"}]}})
MANY_CREATED: Final = user_call({"users": array(ANYTHING)}, ("users",), named=False)
MERGE: Final = user_call(
    {"anonymous_id": _ID, "created_at": _MOMENT, "merged_at": _MOMENT}, ("anonymous_id",)
)

ASKED: Final = user_call({"limit": {"type": ["integer", "null"], "minimum": 1}, "offset": _MOMENT})
FOUND: Final = array(
    record({"collection": STRING, "properties": OBJECT}, ("collection", "properties"))
)
_COLUMNS: Final = array(record({"name": STRING, "type": STRING}, ("name", "type")))
_TRAIT: Final = text(MAX_NAME, pattern=SOME)
WANTED: Final = user_call(
    {
        "columns": {"anyOf": [array(_TRAIT, maxItems=2_000), {"type": "null"}]},
        "sorting": {
            "anyOf": [
                record({"column": _TRAIT, "order": {"enum": ["asc", "desc"]}}, ("column",)),
                {"type": "null"},
            ]
        },
        "filter": {"enum": ["", None]},
        "event_filters": {"anyOf": [array(ANYTHING, maxItems=0), {"type": "null"}]},
        "offset": {"type": ["integer", "null"], "minimum": 0},
        "limit": {"type": ["integer", "null"], "minimum": 1},
    },
    named=False,
)
ASKED_USER: Final = user_call({})
USER: Final = record({"id": STRING, "properties": OBJECT}, ("id", "properties"))
USERS: Final = record(
    {"metadata": _COLUMNS, "result": array(array(ANYTHING))}, ("metadata", "result")
)
USER_COLUMNS: Final = record(
    {"columns": _COLUMNS, "identifierColumn": STRING}, ("columns", "identifierColumn")
)
_ALNUM: Final = r"^[^\x00-\x1f\x7f-\x9f]*[A-Za-z0-9][^\x00-\x1f\x7f-\x9f]*$"
_TYPE: Final = "|".join(types.PLAIN)
NEW_PROJECT: Final = record(
    {"name": text(MAX_NAME, pattern=_ALNUM), "lock_key": text(MAX_ID, pattern=PLAIN)},
    ("name", "lock_key"),
)
LOCK: Final = record({"lock_key": STRING}, ("lock_key",))
NAMES: Final = record({"names": {"description": "Collections to show, all when there is none."}})
DECLARED: Final = record(
    {
        "collection": COLLECTION,
        "fields": array(
            record(
                {
                    "name": ref("RakamName"),
                    "type": {"type": "string", "pattern": f"^(json|((array|map)_)?({_TYPE}))$"},
                },
                ("name", "type"),
            ),
            description="Types in either case: STRING, DOUBLE, ARRAY_STRING ...",
        ),
    },
    ("collection", "fields"),
)
CHECKED: Final = record(
    {"project": STRING, "keys": array(ANYTHING, maxItems=100)}, ("project", "keys")
)
_FIELDS: Final = array(record({"name": STRING, "type": STRING}, ("name", "type")))
COLUMNS: Final = _FIELDS
SCHEMA: Final = array(record({"name": STRING, "fields": _FIELDS}, ("name", "fields")))
KEYS: Final = record({"master_key": STRING, "write_key": STRING})
SUCCESS: Final = record({"success": {"const": True}}, ("success",))
ONE: Final[JsonObject] = {"const": 1}
SCHEMAS: Final[dict[str, JsonObject]] = {
    "RakamName": _NAME,
    "RakamApi": _API,
    "RakamEvent": _EVENT,
    "RakamError": record(
        {
            "errors": array(record({"title": STRING, "code": STRING}, ("title", "code"))),
            "meta": ANYTHING,
            "error": STRING,
            "error_code": WHOLE,
        },
        ("errors", "error", "error_code"),
    ),
}
