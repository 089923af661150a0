"""What goes in and out of ``/api``, as JSON Schema."""

from typing import Final

from schemas.openapi import BOOLEAN, PLAIN, PROSE, STRING, array, record, ref
from schemas.reading import MAX_ID, MAX_NAME, JsonObject
from schemas.source_fields import (
    MAX_DAYS,
    MAX_DESCRIPTION,
    MAX_LIMIT,
    MAX_ORIGINS,
    MAX_REDIRECTS,
    MAX_SESSION_SECONDS,
    MAX_URL,
)
from schemas.sources import BRIDGES, IP_POLICIES, KEY_TYPES, MERGE_KEYS
from schemas.types import NAMES
from schemas.validations import NAME
from schemas.wire.manage import kafka
from schemas.wire.manage.edge import MAX_OVERLAP_SECONDS, MAX_TIME_MS

_NOT_CONTROL: Final = r"[^\x00-\x1f\x7f-\x9f]"
_SOME: Final = rf"^{_NOT_CONTROL}*[!-~]{_NOT_CONTROL}*$"
"""Not only blanks."""
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
_DAYS: Final[JsonObject] = {"type": "integer", "minimum": 0, "maximum": MAX_DAYS}
_TIME: Final[JsonObject] = {"type": "integer", "minimum": 0, "description": "Unix ms"}


def _text(longest: int = MAX_NAME, **keywords: object) -> JsonObject:
    return {"type": "string", "maxLength": longest, "pattern": PLAIN, **keywords}


_KEY_TYPE: Final[JsonObject] = {"type": "string", "enum": list(KEY_TYPES)}
_SLUG: Final[JsonObject] = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}
_FIELDS: Final[dict[str, JsonObject]] = {
    "name": _text(),
    "description": {
        "type": "string",
        "maxLength": MAX_DESCRIPTION,
        "pattern": PROSE,
    },
    "channel": _text(description="Copied to every event, e.g. Web."),
    "protocol": ref("Protocol"),
    "bridge": {"type": "string", "enum": list(BRIDGES)},
    "enabled": BOOLEAN,
    "origins": array(
        _text(pattern=_SOME),
        maxItems=MAX_ORIGINS,
        description="Pages that may send: origins such as https://shop.example, or *.",
    ),
    "dynamic_schema": {**BOOLEAN, "description": "False freezes the schema."},
    "session_timeout": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_SESSION_SECONDS,
        "description": "Seconds of inactivity that end a session.",
    },
    "session_max": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_SESSION_SECONDS,
        "description": "Seconds from a session's first event to its last.",
    },
    "session_on_campaign": {**BOOLEAN, "description": "Another campaign begins a new session."},
    "static_profile_ids": BOOLEAN,
    "transitional": {**BOOLEAN, "description": "Update profiles, store no events."},
    "requires_consent": BOOLEAN,
    "returns_profile": BOOLEAN,
    "replace_profile_id": _text(),
    "generate_profile": BOOLEAN,
    "sticky_session": BOOLEAN,
    "merge_by": array(
        {"type": "string", "enum": list(MERGE_KEYS)},
        description="Addresses that make two profiles one; none of them unless named.",
    ),
    "ip": {
        "type": "string",
        "enum": list(IP_POLICIES),
        "description": "What is stored of visitors' addresses: all, the network, or nothing.",
    },
    "retention_days": {
        **_DAYS,
        "description": "Days after which events, sessions and dead letters go; 0: never.",
    },
    "ip_retention_days": {**_DAYS, "description": "Days after which addresses go; 0: never."},
    "redirects": array(ref("HeadraceRedirect"), maxItems=MAX_REDIRECTS),
    "limits": ref("HeadraceLimits"),
    "kafka": {
        "anyOf": [ref("HeadraceKafkaTopic"), {"type": "null"}],
        "description": "The topic that fills a source of bridge kafka.",
    },
}
SCHEMAS: Final[dict[str, JsonObject]] = {
    "HeadraceError": record(
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
    ),
    "HeadraceLimits": record(
        {
            "body_bytes": _COUNT,
            "events_per_request": _COUNT,
            "requests_per_second": {**_COUNT, "minimum": 0},
        },
        others=False,
        text="What one request may weigh, and how many may come; 0 for any number.",
    ),
    "HeadraceRedirect": record(
        {
            "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "url": _text(MAX_URL, pattern=rf"^https?://{_NOT_CONTROL}*$"),
            "event_type": _text(pattern=_SOME),
            "name": _text(),
            "props": {"type": "object"},
        },
        ("id", "url", "event_type"),
        others=False,
        text="A link that is an event: a visit is recorded, then sent on.",
    ),
    **kafka.SCHEMAS,
    "HeadraceSourceFields": record(_FIELDS, others=False),
    "HeadraceNewSource": record(
        {
            "id": _SLUG,
            **_FIELDS,
            "write_key": _text(MAX_ID, pattern="^ *[!-~]* *$", description="A key in use."),
        },
        ("id",),
        others=False,
    ),
    "HeadraceKey": record(
        {
            "id": STRING,
            "type": _KEY_TYPE,
            "customer": STRING,
            "name": STRING,
            "created_at": _TIME,
            "expires_at": {**_TIME, "description": "Unix ms; 0: never"},
            "key": {**STRING, "description": "The key itself, this once."},
        },
        ("id", "type"),
    ),
    "HeadraceSource": record(
        {
            "id": _SLUG,
            **_FIELDS,
            "kafka": {"anyOf": [ref("HeadraceKafkaTopicShown"), {"type": "null"}]},
            "keys": array(ref("HeadraceKey")),
            "snippet": {**STRING, "description": "Loads the browser tracker into a page."},
            "created_at": _TIME,
            "updated_at": _TIME,
        },
        ("id", "keys", *_FIELDS),
    ),
    "HeadraceType": {"type": "string", "pattern": f"^({NAMES})$"},
    "HeadraceCollection": record(
        {
            "name": STRING,
            "properties": {"type": "object", "additionalProperties": STRING},
        },
        ("name", "properties"),
        text="All events of one type; properties and their types.",
    ),
    "HeadraceValidation": record(
        {
            "event_type": _text(pattern=_SOME),
            "name": {"type": "string", "pattern": NAME},
            "schema": {
                "type": ["object", "boolean"],
                "description": "JSON Schema 2020-12 that the event's properties are held against.",
            },
        },
        ("event_type", "name", "schema"),
        others=False,
    ),
}
DECLARED: Final = record(
    {
        "collection": _text(pattern=_SOME),
        "properties": {
            "type": "object",
            "propertyNames": {"minLength": 1, "maxLength": MAX_NAME},
            "additionalProperties": ref("HeadraceType"),
        },
    },
    ("collection",),
    others=False,
)
NEW_KEY: Final = record(
    {
        "type": _KEY_TYPE,
        "customer": _text(MAX_ID, description="The only customer it is for."),
        "name": _text(MAX_ID),
        "expires_at": {"type": "integer", "minimum": 0, "maximum": MAX_TIME_MS},
    },
    ("type",),
    others=False,
)
ROTATION: Final = record(
    {
        "type": _KEY_TYPE,
        "customer": _text(MAX_ID),
        "overlap": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_OVERLAP_SECONDS,
            "description": "Seconds for which the old keys are good yet.",
        },
    },
    others=False,
)
