"""What goes in and out of EventBunker's paths, as JSON Schema."""

from typing import Final

from schemas.openapi import ANYTHING, SOME, STRING, WHOLE, array, nullable, record, ref, text
from schemas.query import MAX_ROWS
from schemas.reading import MAX_ID, MAX_NAME, JsonObject
from schemas.wire.eventbunker.edge import KEY_TYPES
from schemas.wire.eventbunker.names import CUSTOMER, GENERATED
from schemas.wire.eventbunker.parts import MOST
from schemas.wire.eventbunker.question import FUNCTIONS, OPERATORS, STEPS

_NAME: Final = text(MAX_NAME, pattern=SOME)
_CUSTOMER: Final = nullable(text(MAX_ID, description="The customer whose event it is."))
_DATE: Final[JsonObject] = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "What JavaScript's Date reads; UTC where it names no zone.",
}
_FIELD: Final = text(MAX_NAME, minLength=1)
_SCALAR: Final[JsonObject] = {"type": ["string", "number", "boolean", "null"]}
_COMPARED: Final[JsonObject] = {
    "anyOf": [text(MAX_ID), {"type": ["number", "boolean", "null"]}],
}
_VALUE: Final[JsonObject] = {
    "anyOf": [
        _SCALAR,
        array(STRING),
        array({"type": "number"}),
        array({"type": "boolean"}),
    ]
}
_EVENT: Final[JsonObject] = {
    **record(
        {
            "event_name": text(MAX_NAME, pattern="^[A-Za-z0-9._-]+$"),
            "timestamp": _DATE,
            CUSTOMER: _CUSTOMER,
            "metric_name": nullable(text(MAX_ID)),
        },
        ("event_name",),
    ),
    "propertyNames": {"not": {"enum": sorted(GENERATED)}},
    "additionalProperties": {
        "anyOf": [
            ref("EventBunkerValue"),
            {"type": "object", "additionalProperties": ref("EventBunkerValue")},
        ]
    },
}


def _with(value: JsonObject | None, *operators: str) -> JsonObject:
    """A filter whose operators take such a value, or none."""
    properties: dict[str, JsonObject] = {
        "field_name": _FIELD,
        "op": {"type": "string", "enum": list(operators)},
        "value": ANYTHING if value is None else value,
    }
    needed = ("field_name", "op") if value is None else ("field_name", "op", "value")
    return record(properties, needed, others=False)


def _operators(*kinds: str) -> list[str]:
    return [name for name, kind in OPERATORS.items() if kind in kinds]


_FILTER: Final[JsonObject] = {
    "anyOf": [
        _with(_COMPARED, *_operators("equals", "differs", "contains", "lacks")),
        _with(
            {"anyOf": [text(MAX_ID), {"type": "number"}]},
            *_operators("above", "from", "below", "to"),
        ),
        _with(text(MAX_ID), *_operators("begins", "ends")),
        _with(nullable(array(_COMPARED, maxItems=MOST["value"])), *_operators("in", "not-in")),
        _with(None, *_operators("exists", "absent")),
    ]
}
_LABEL: Final[JsonObject] = {"type": ["string", "null"], "description": "What it is called."}
_COUNT: Final = "count"
_COMPUTATION: Final[JsonObject] = {
    "anyOf": [
        record(
            {
                "function": {"type": "string", "const": _COUNT},
                "field_name": nullable(_FIELD),
                "as": _LABEL,
            },
            ("function",),
            others=False,
        ),
        record(
            {
                "function": {
                    "anyOf": [
                        {"type": "string", "enum": [name for name in FUNCTIONS if name != _COUNT]},
                        {
                            "type": "string",
                            "pattern": r"^(p|percentile_)([0-9]{1,2}(\.[0-9]{1,3})?|100)$",
                        },
                    ]
                },
                "field_name": _FIELD,
                "as": _LABEL,
            },
            ("function", "field_name"),
            others=False,
        ),
    ]
}
_UNIX: Final[JsonObject] = {
    "type": "number",
    "minimum": 0,
    "maximum": 253_402_300_799_999,
    "description": "Unix s; above 2e10 Unix ms",
}
_UNITS: Final = "hour|day|week|month|year"
_MOMENT: Final[JsonObject] = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        _UNIX,
        {"type": "null"},
    ]
}
_PERIOD: Final[JsonObject] = {
    "anyOf": [
        {"type": "null"},
        {
            "type": "string",
            "pattern": rf"^(minus_[0-9]{{1,7}}_(second|minute|{_UNITS})s?"
            rf"|(this|last)_({_UNITS})|today|yesterday)$",
        },
        {**record({"from": _MOMENT, "to": _MOMENT}, others=False), "minProperties": 1},
    ]
}
QUERY: Final = record(
    {
        "time_period": _PERIOD,
        "group_by": nullable(array(_FIELD, maxItems=MOST["group_by"], uniqueItems=True)),
        "group_by_date": {"enum": [*STEPS, None]},
        "computations": nullable(array(_COMPUTATION, maxItems=MOST["computations"])),
        "filters": nullable(array(_FILTER, maxItems=MOST["filters"])),
        "order_by": nullable(
            array(
                record(
                    {
                        "field_name": STRING,
                        "direction": {"type": "string", "enum": ["ASC", "DESC", "asc", "desc"]},
                    },
                    ("field_name",),
                    others=False,
                ),
                maxItems=MOST["order_by"],
                description="Names of groups and computations, or of an event's own fields.",
            )
        ),
        "limit": nullable({**WHOLE, "minimum": 1, "maximum": MAX_ROWS}),
    },
    others=False,
    text="Without groups and computations the answer is the events themselves.",
)
ERASURE: Final = record(
    {CUSTOMER: text(MAX_ID, pattern=SOME)},
    (CUSTOMER,),
    text="A key that is one customer's may leave it out.",
)
PROJECT: Final = record(
    {
        "name": text(MAX_NAME, pattern="[A-Za-z0-9]"),
        "description": nullable(text(MAX_ID)),
        "account_id": nullable(text(MAX_ID)),
    },
    ("name",),
)
NEW_KEY: Final = record(
    {
        "type": {"type": "string", "enum": sorted(KEY_TYPES)},
        CUSTOMER: _CUSTOMER,
        "name": nullable(text(MAX_NAME)),
        "expires_at": {**_MOMENT, "description": "A date to come; null for never."},
    },
    ("type",),
)
OLD_KEY: Final = record({"key_id": _NAME}, ("key_id",))

_KEY: Final[dict[str, JsonObject]] = {
    "key_id": STRING,
    "type": STRING,
    "name": STRING,
    CUSTOMER: {"type": ["string", "null"]},
    "created_at": {**WHOLE, "description": "Unix ms"},
    "expires_at": {"type": ["integer", "null"], "description": "Unix ms"},
}
STORED: Final = record(
    {"unique_req_id": STRING, "time_recorded": {**WHOLE, "description": "Unix ms"}},
    ("unique_req_id", "time_recorded"),
)
ROWS: Final = record({"data": array({"type": "object"})}, ("data",))
ERASED: Final = record({"status": STRING, "deleted_events": WHOLE}, ("status", "deleted_events"))
CREATED: Final = record(
    dict.fromkeys(("project_id", "master_api_key", "name", "description", "status"), STRING),
    ("project_id", "master_api_key", "status"),
)
ISSUED: Final = record({"status": STRING, "api_key": STRING, **_KEY}, ("status", "api_key", *_KEY))
KEYS: Final = record({"keys": array(record(_KEY, tuple(_KEY)))}, ("keys",))
REVOKED: Final = record({"status": STRING, "key_id": STRING}, ("status", "key_id"))
SCHEMAS: Final[dict[str, JsonObject]] = {
    "EventBunkerValue": _VALUE,
    "EventBunkerEvent": _EVENT,
    "EventBunkerError": record(
        {"error": STRING, "code": STRING, "status": WHOLE}, ("error", "code", "status")
    ),
}
