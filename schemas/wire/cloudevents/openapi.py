"""What the protocol's paths take and answer, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    SOME,
    STRING,
    WHOLE,
    Description,
    answer,
    array,
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
from schemas.wire.cloudevents.event import BASE64, BINARY, DATA, VERSION

_TEXT: Final = """\
CloudEvents 1.0 over HTTP. Structured and batched mode are described here; in binary mode the \
attributes are headers (`ce-id`, `ce-source`, `ce-specversion`, `ce-type`, ...) and the body is \
the data, of any type. The same `source` and `id` sent again are the same event.
"""
_KEY: Final = "cloudeventsWriteKey"
_TIME: Final = (
    r"^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[Tt]([01][0-9]|2[0-3])(:[0-5][0-9]){2}"
    r"(\.[0-9]{1,9})?([Zz]|[+-](0[0-9]|1[0-3]):[0-5][0-9])$"
)
_ID: Final = text(MAX_ID, pattern=SOME)
_EVENT: Final = record(
    {
        "specversion": {"const": VERSION},
        "id": _ID,
        "source": {**text(MAX_ID, pattern=f"^{SOME}+$"), "description": "A URI reference."},
        "type": {**text(MAX_NAME, pattern=SOME), "description": "Becomes the event's type."},
        "time": nullable({"type": "string", "pattern": _TIME, "description": "RFC 3339."}),
        "subject": {"description": "Part of the context, as all that is not named here."},
        "userid": {"description": "The user; likewise `anonymousid`, `sessionid`, `groupid`."},
        DATA: {"description": "An object is the event's properties."},
        BINARY: nullable(text(10_000_000, pattern=BASE64)),
    },
    ("specversion", "id", "source", "type"),
)
_EITHER: Final = {
    "anyOf": [record({BINARY: {"type": "null"}}), record({DATA: {"type": "null"}}, (BINARY,))]
}
_ERROR: Final = record(
    {"error": record({"code": STRING, "message": STRING}, ("code", "message"))}, ("error",)
)
_SOURCE: Final = parameter("source", STRING, "Whose bridge is `webhook`.", place="path")
_TOKEN: Final = parameter("access_token", STRING, "The write key, in place of the header.")
_TAKES: Final = body(
    {
        "application/cloudevents+json": ref("CloudeventsEvent"),
        "application/cloudevents-batch+json": array(ref("CloudeventsEvent")),
    }
)


def _taking(endpoint: str, summary: str, where: JsonObject, security: str = "") -> JsonObject:
    return operation(
        endpoint,
        summary,
        {
            "200": answer("All of them are safe.", record({"accepted": WHOLE}, ("accepted",))),
            **refusals(ref("CloudeventsError"), 400, 401, 403, 429),
        },
        parameters=(where,),
        takes=_TAKES,
        security=security,
    )


DESCRIPTION: Final = Description(
    title="CloudEvents",
    text=_TEXT,
    operations={
        ("POST", "/cloudevents"): _taking("events", "One event or a batch", _TOKEN, _KEY),
        ("POST", "/cloudevents/{source}"): _taking(
            "webhook", "The same, where a sender cannot show a key", _SOURCE
        ),
    },
    schemas={"CloudeventsEvent": {**_EVENT, **_EITHER}, "CloudeventsError": _ERROR},
    security={_KEY: {"type": "http", "scheme": "bearer"}},
)
