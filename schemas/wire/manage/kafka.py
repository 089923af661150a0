"""A topic that is an event source, as JSON Schema."""

from typing import Final

from schemas.kafka_topics import (
    ENCODINGS,
    MAX_COLUMNS,
    MAX_PEM,
    MAX_RATE,
    MAX_SERVERS,
    MAX_TOPIC,
    MECHANISMS,
    METADATA,
    SECRETS,
    SHAPES,
    STARTS,
)
from schemas.openapi import BOOLEAN, PLAIN, array, record, text
from schemas.reading import MAX_ID, MAX_NAME, JsonObject

_WORD: Final = text(MAX_ID, pattern=PLAIN)
_NAME: Final = text(MAX_NAME, pattern=PLAIN)
_WHOLE: Final = {"type": "integer", "minimum": 0, "maximum": MAX_RATE}
_SECRET: Final = {"writeOnly": True, "description": "Kept sealed and never shown."}
_PLACES: Final = ", ".join((*METADATA, "_headers.NAME"))


def _names(description: str) -> JsonObject:
    return {
        "type": "object",
        "maxProperties": MAX_COLUMNS,
        "propertyNames": {"maxLength": MAX_NAME},
        "additionalProperties": _NAME,
        "description": description,
    }


_FIELDS: Final[dict[str, JsonObject]] = {
    "topic": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,249}$", "maxLength": MAX_TOPIC},
    "servers": {
        **text(MAX_SERVERS, pattern=PLAIN),
        "description": "host:port[,host:port]; empty: headrace's own cluster.",
    },
    "tls": {**BOOLEAN, "description": "Encrypt, and check the broker's certificate and name."},
    "ca": {"type": "string", "maxLength": MAX_PEM, "description": "PEM of who signs it."},
    "certificate": {"type": "string", "maxLength": MAX_PEM, "description": "PEM of the client's."},
    "key": {"type": "string", "maxLength": MAX_PEM, **_SECRET},
    "sasl": {"type": "string", "enum": ["", *MECHANISMS]},
    "username": _WORD,
    "password": {**_WORD, **_SECRET},
    "group": {**_WORD, "description": "Consumer group; empty: one named after the source."},
    "start": {
        "type": "string",
        "enum": list(STARTS),
        "description": "What a new group begins with: all there is (earliest), or what was written "
        "since the source was made (latest).",
    },
    "encoding": {
        "type": "string",
        "enum": list(ENCODINGS),
        "description": "json: a value, an array or JSON lines; avro: a bare datum; confluent: one "
        "behind the number of its schema.",
    },
    "schema": {"description": "Avro schema that values were written with."},
    "registry": {**_WORD, "description": "http(s) address of a schema registry."},
    "registry_username": _WORD,
    "registry_password": {**_WORD, **_SECRET},
    "shape": {
        "type": "string",
        "enum": list(SHAPES),
        "description": "What a value is: any object, what a protocol's clients send, or a row of "
        "an export.",
    },
    "collection": {**_NAME, "description": "Event type of rows that name none; the topic's name."},
    "columns": _names(f"What a row's columns are, e.g. user: customer_id; also {_PLACES}."),
    "types": _names("Column of text -> number, boolean, json or text."),
    "skip": array(_NAME, maxItems=MAX_COLUMNS, description="Columns that are left out."),
    "ahead": {
        **_WHOLE,
        "description": "Events that may wait for the processors at first; 0: any number.",
    },
    "rate": {**_WHOLE, "description": "Events per second and worker; 0: any number."},
}
_KNOWN: Final = {"type": "array", "items": {"type": "string", "enum": list(SECRETS)}}
SCHEMAS: Final[dict[str, JsonObject]] = {
    "HeadraceKafkaTopic": record(
        _FIELDS,
        others=False,
        text="A topic whose records become events. Of a source that has one, fields that are not "
        "named stay as they are.",
    ),
    "HeadraceKafkaTopicShown": record(
        {name: each for name, each in _FIELDS.items() if name not in SECRETS}
        | {"secrets": {**_KNOWN, "description": "Those that are set."}},
        ("topic", "secrets"),
    ),
}
