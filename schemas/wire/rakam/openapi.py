"""What Rakam's paths take and answer, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    JSON,
    OBJECT,
    STRING,
    Description,
    Endpoint,
    answer,
    array,
    body,
    operation,
    parameter,
    ref,
    refusals,
)
from schemas.reading import JsonObject
from schemas.wire.rakam import shapes

_TEXT: Final = """\
Rakam's collection API. The key of an event source stands in `api.api_key`, or beside the body \
in a header or query parameter `write_key` or `master_key`, and then `api` may be left out. \
Success is the byte `1`.
"""
_MASTER: Final = "rakamMasterKey"
_BINARY: Final[JsonObject] = {"type": "string", "format": "binary"}
_DONE: Final = {"200": answer("It is safe.", shapes.ONE)}
_SUCCESS: Final = {"200": answer("It is done.", shapes.SUCCESS)}
_FILES: Final[dict[str, JsonObject]] = {
    JSON: shapes.BATCH,
    "application/x-ndjson": STRING,
    "text/csv": STRING,
    "application/avro": _BINARY,
}
_OF_FILES: Final = (
    parameter("collection", shapes.COLLECTION, "Of a file that is no JSON."),
    parameter("column_separator", shapes.SEPARATOR, "Of CSV."),
)
_IN_THE_PIXEL: Final = (
    parameter("collection", STRING),
    parameter("api.api_key", STRING, "The write key."),
    parameter("prop._user", STRING, "As any `prop.NAME`: a property of the event."),
)


def _taking(
    endpoint: str,
    summary: str,
    takes: JsonObject | dict[str, JsonObject],
    success: dict[str, JsonObject] = _DONE,
    *statuses: int,
    parameters: tuple[JsonObject, ...] = (),
) -> JsonObject:
    refused = refusals(ref("RakamError"), 400, 403, 429, *statuses)
    return operation(
        endpoint, summary, {**success, **refused}, parameters=parameters, takes=body(takes)
    )


def _project(
    endpoint: str,
    summary: str,
    success: JsonObject,
    *statuses: int,
    takes: JsonObject | None = None,
    security: str = _MASTER,
    parameters: tuple[JsonObject, ...] = (),
) -> JsonObject:
    answers = {
        "200": answer("It is done.", success),
        **refusals(ref("RakamError"), 400, 403, 429, *statuses),
    }
    return operation(
        endpoint,
        summary,
        answers,
        parameters=parameters,
        takes=None if takes is None else body(takes, required="required" in takes),
        security=security,
    )


def _pixel(endpoint: str) -> JsonObject:
    return operation(
        endpoint,
        "An event in the query, a picture whatever happens",
        {
            "200": answer(
                "A transparent point; what went wrong is in the header `server-error`.",
                {"image/gif": _BINARY},
                {"server-error": {"schema": STRING}},
            ),
            **refusals(ref("RakamError")),
        },
        parameters=_IN_THE_PIXEL,
    )


_EVENTS: Final[dict[Endpoint, JsonObject]] = {
    ("POST", "/event/collect"): _taking(
        "collect", "One event", ref("RakamEvent"), {"200": answer("It is safe: the byte `1`.")}
    ),
    ("POST", "/event/batch"): _taking("batch", "Events of a tracker", shapes.BATCH),
    ("POST", "/event/bulk"): _taking(
        "bulk", "Many events, or a file of them", _FILES, _SUCCESS, parameters=_OF_FILES
    ),
    ("POST", "/event/copy"): _taking(
        "copy", "The same, stored as they are", _FILES, _SUCCESS, parameters=_OF_FILES
    ),
    ("POST", "/event/bulk/remote"): {
        **_taking("remote", "Refused: headrace fetches no files", shapes.REMOTE, {}),
        "deprecated": True,
    },
    ("GET", "/event/pixel"): _pixel("pixel-get"),
    ("POST", "/event/pixel"): _pixel("pixel-post"),
}
_USERS: Final[dict[Endpoint, JsonObject]] = {
    ("POST", "/user/set_properties"): _taking(
        "set-properties", "Set a user's properties", shapes.TRAITS
    ),
    ("POST", "/user/set_properties_once"): _taking(
        "set-properties-once", "Set those that there are not", shapes.TRAITS
    ),
    ("POST", "/user/increment_property"): _taking(
        "increment-property", "Add to a user's property", shapes.INCREMENT, _SUCCESS
    ),
    ("POST", "/user/unset_properties"): _taking(
        "unset-properties", "Take properties of a user away", shapes.UNSET
    ),
    ("POST", "/user/batch"): _taking("user-batch", "Many changes of a user", shapes.STEPS),
    ("POST", "/user/batch_operations"): _taking(
        "user-batch-operations", "Changes of many users, with a master key", shapes.MANY_STEPS
    ),
    ("POST", "/user/create"): _taking("user-create", "A user", shapes.CREATE),
    ("POST", "/user/batch/create"): _taking("user-batch-create", "Many users", shapes.MANY_CREATED),
    ("POST", "/user/merge"): _taking(
        "user-merge", "What was done without a name was this user's", shapes.MERGE
    ),
    ("POST", "/user/get_events"): _taking(
        "user-events",
        "The latest events of a user, with a query key",
        shapes.ASKED,
        {"200": answer("Newest first.", shapes.FOUND)},
    ),
    ("POST", "/user/get"): _taking(
        "user-get",
        "A user, with a query key",
        shapes.ASKED_USER,
        {"200": answer("What is known.", shapes.USER)},
    ),
    ("POST", "/user/search"): _taking(
        "user-search",
        "Users, with a query key",
        shapes.WANTED,
        {"200": answer("A row of each.", shapes.USERS)},
    ),
    ("GET", "/user/metadata"): _project(
        "user-metadata", "Properties of users, with a query key", shapes.USER_COLUMNS
    ),
}
_LOCK: Final = parameter("lock_key", STRING, "The admin key.", required=True)
_PROJECTS: Final[dict[Endpoint, JsonObject]] = {
    ("POST", "/project/create"): _project(
        "project-create",
        "Make an event source, with the admin key",
        shapes.KEYS,
        409,
        takes=shapes.NEW_PROJECT,
        security="",
    ),
    ("GET", "/project/list"): _project(
        "project-list-get", "All of them", array(STRING), security="", parameters=(_LOCK,)
    ),
    ("POST", "/project/list"): _project(
        "project-list-post", "All of them", array(STRING), takes=shapes.LOCK, security=""
    ),
    ("GET", "/project/schema"): _project("project-schema-get", "Its schema", shapes.SCHEMA),
    ("POST", "/project/schema"): _project(
        "project-schema-post", "Its schema", shapes.SCHEMA, takes=shapes.NAMES
    ),
    ("POST", "/project/schema/add"): _project(
        "project-schema-add", "Add to a collection", shapes.COLUMNS, takes=shapes.DECLARED
    ),
    ("GET", "/project/collection"): _project(
        "project-collection-get", "Its collections", array(STRING)
    ),
    ("POST", "/project/collection"): _project(
        "project-collection-post", "Its collections", array(STRING), takes=OBJECT
    ),
    ("POST", "/project/create-api-keys"): _project(
        "project-create-keys", "Draw a write key", shapes.KEYS, takes=OBJECT
    ),
    ("POST", "/project/check-api-keys"): _project(
        "project-check-keys",
        "Whether these are its keys",
        array({"type": "boolean"}),
        takes=shapes.CHECKED,
        security="",
    ),
    ("POST", "/project/revoke-api-keys"): _project(
        "project-revoke-keys", "Take the key back that is shown", shapes.SUCCESS, takes=OBJECT
    ),
    ("DELETE", "/project/delete"): _project(
        "project-delete", "Take it away; its events stay", shapes.SUCCESS
    ),
    ("POST", "/project/delete"): _project(
        "project-delete-post", "Take it away; its events stay", shapes.SUCCESS, takes=OBJECT
    ),
}

DESCRIPTION: Final = Description(
    title="Rakam",
    text=_TEXT,
    operations={**_EVENTS, **_USERS, **_PROJECTS},
    schemas=shapes.SCHEMAS,
    security={_MASTER: {"type": "apiKey", "in": "header", "name": "master_key"}},
)
