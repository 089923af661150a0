"""What EventBunker's paths take and answer, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import Description, answer, body, operation, ref, refusals
from schemas.reading import JsonObject
from schemas.sources import KeyType
from schemas.wire.eventbunker import shapes
from schemas.wire.eventbunker.names import HEADERS

_TEXT: Final = """\
EventBunker's API: one flat event per request, and a query language in JSON. A project is an \
event source; each of its keys may be one customer's.
"""


def _scheme(needed: KeyType) -> str:
    return f"eventbunker{needed.capitalize()}Key"


def _said(
    endpoint: str,
    summary: str,
    needed: KeyType,
    success: JsonObject,
    *statuses: int,
    takes: JsonObject | None = None,
    optional: bool = False,
) -> JsonObject:
    refused = refusals(ref("EventBunkerError"), 400, 401, 403, 429, *statuses)
    return operation(
        endpoint,
        summary,
        {"200": answer("It is done.", success), **refused},
        takes=None if takes is None else body(takes, required=not optional),
        security=_scheme(needed),
    )


DESCRIPTION: Final = Description(
    title="EventBunker",
    text=_TEXT,
    operations={
        ("POST", "/post"): _said(
            "post", "One event", "write", shapes.STORED, takes=ref("EventBunkerEvent")
        ),
        ("POST", "/v1/query/json"): _said(
            "query", "Ask the stored events", "query", shapes.ROWS, takes=shapes.QUERY
        ),
        ("POST", "/v1/delete/json"): _said(
            "delete", "Delete a customer's events", "delete", shapes.ERASED, takes=shapes.ERASURE
        ),
        ("POST", "/v1/manage/project/create"): _said(
            "create-project",
            "Make a project, with a master key",
            "master",
            shapes.CREATED,
            409,
            takes=shapes.PROJECT,
        ),
        ("POST", "/v1/manage/key/create"): _said(
            "create-key", "Draw a key", "master", shapes.ISSUED, 409, takes=shapes.NEW_KEY
        ),
        ("POST", "/v1/manage/key/list"): _said(
            "list-keys",
            "The project's keys",
            "master",
            shapes.KEYS,
            takes={"type": "object"},
            optional=True,
        ),
        ("POST", "/v1/manage/key/delete"): _said(
            "delete-key", "Take a key back", "master", shapes.REVOKED, 404, takes=shapes.OLD_KEY
        ),
    },
    schemas=shapes.SCHEMAS,
    security={
        _scheme(needed): {"type": "apiKey", "in": "header", "name": header}
        for needed, header in HEADERS.items()
    },
)
