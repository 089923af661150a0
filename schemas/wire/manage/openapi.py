"""What ``/api`` takes and answers, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    STRING,
    Description,
    answer,
    array,
    body,
    operation,
    parameter,
    record,
    ref,
    refusals,
)
from schemas.reading import JsonObject
from schemas.validations import NAME as VALIDATION_NAME
from schemas.wire.manage import linking, people
from schemas.wire.manage.edge import NAME
from schemas.wire.manage.shapes import DECLARED, NEW_KEY, ROTATION, SCHEMAS

_TEXT: Final = """\
Event sources, their keys and the schemas of their events. A change works everywhere within \
five seconds, without a restart.
"""
_ADMIN: Final = "headraceAdminKey"
_SOURCES: Final = "/api/sources"
_SOURCE: Final = f"{_SOURCES}/{{source_id}}"
_SOURCE_ID: Final = parameter("source_id", STRING, place="path")
_VALIDATION: Final = parameter("name", {"type": "string", "pattern": VALIDATION_NAME}, place="path")
_KEY_ID: Final = parameter("key_id", STRING, "its id, or the key itself", place="path")
_LOCATION: Final = {"Location": {"schema": STRING}}
_ID_OF_NEW: Final = "$response.body#/id"
_LINKS: Final[dict[str, JsonObject]] = {
    endpoint: {
        "operationId": f"{NAME}-{endpoint}",
        "parameters": {"source_id": _ID_OF_NEW},
    }
    for endpoint in (
        "show-source",
        "change-source",
        "delete-source",
        "add-key",
        "rotate-key",
        "show-schema",
        "declare-schema",
        "show-validations",
        "validate",
        "make-links",
    )
} | {
    "revoke-key": {
        "operationId": f"{NAME}-revoke-key",
        "parameters": {"source_id": _ID_OF_NEW, "key_id": "$response.body#/keys/0/id"},
    }
}
_ISSUED: Final = {
    "201": answer(
        "The source, with the new key in clear.", ref("HeadraceSource"), _LOCATION, _LINKS
    )
}
_ONE: Final = {"200": answer("The source as it is now.", ref("HeadraceSource"))}
_GONE: Final = {"204": answer("It is gone.")}
_LIST: Final = {
    "200": answer(
        "All of them.",
        record({"sources": array(ref("HeadraceSource"))}, ("sources",)),
    )
}
_COLLECTIONS: Final = {
    "200": answer(
        "What is known.",
        record({"collections": array(ref("HeadraceCollection"))}, ("collections",)),
    )
}
_VALIDATIONS: Final = {
    "200": answer(
        "All of them, by event type and name.",
        record({"validations": array(ref("HeadraceValidation"))}, ("validations",)),
    )
}
_VALIDATED: Final = {
    "200": answer(
        "As it is now.",
        ref("HeadraceValidation"),
        links={
            "stop-validating": {
                "operationId": f"{NAME}-stop-validating",
                "parameters": {
                    "source_id": "$request.path.source_id",
                    "name": "$response.body#/name",
                },
            }
        },
    )
}
_COLLECTION: Final = {"200": answer("As it is now.", ref("HeadraceCollection"))}


def _managed(
    endpoint: str,
    summary: str,
    answers: dict[str, JsonObject],
    *statuses: int,
    takes: JsonObject | None = None,
    parameters: tuple[JsonObject, ...] = (_SOURCE_ID,),
) -> JsonObject:
    return operation(
        endpoint,
        summary,
        {**answers, **refusals(ref("HeadraceError"), 401, *statuses)},
        parameters=parameters,
        takes=None if takes is None else body(takes),
        security=_ADMIN,
    )


DESCRIPTION: Final = Description(
    title="Management",
    text=_TEXT,
    operations={
        ("GET", _SOURCES): _managed("list-sources", "All event sources", _LIST, parameters=()),
        ("POST", _SOURCES): _managed(
            "create-source",
            "Make an event source, with a write key",
            _ISSUED,
            400,
            409,
            takes=ref("HeadraceNewSource"),
            parameters=(),
        ),
        ("GET", _SOURCE): _managed("show-source", "One event source", _ONE, 404),
        ("PATCH", _SOURCE): _managed(
            "change-source",
            "Change those fields that are named",
            _ONE,
            400,
            404,
            409,
            takes=ref("HeadraceSourceFields"),
        ),
        ("DELETE", _SOURCE): _managed("delete-source", "Take it away; its events stay", _GONE, 404),
        ("POST", f"{_SOURCE}/keys"): _managed(
            "add-key", "Draw another key", _ISSUED, 400, 404, 409, takes=NEW_KEY
        ),
        ("POST", f"{_SOURCE}/keys/rotate"): _managed(
            "rotate-key",
            "Draw a key and end the others of its type",
            _ISSUED,
            400,
            404,
            409,
            takes=ROTATION,
        ),
        ("DELETE", f"{_SOURCE}/keys/{{key_id}}"): _managed(
            "revoke-key",
            "Take a key back at once",
            _ONE,
            400,
            404,
            parameters=(_SOURCE_ID, _KEY_ID),
        ),
        ("GET", f"{_SOURCE}/schema"): _managed(
            "show-schema", "What is known of its events", _COLLECTIONS, 404
        ),
        ("POST", f"{_SOURCE}/schema"): _managed(
            "declare-schema",
            "Add properties to a collection",
            _COLLECTION,
            400,
            404,
            409,
            takes=DECLARED,
        ),
        ("POST", f"{_SOURCE}/links"): _managed(
            "make-links",
            "Signed links and pixels for an e-mail, for one recipient or for each of many",
            {"200": answer("In the order of the recipients.", linking.ANSWER)},
            400,
            404,
            takes=ref("HeadraceNewLinks"),
        ),
        ("GET", f"{_SOURCE}/validations"): _managed(
            "show-validations", "The schemas that its events are held against", _VALIDATIONS, 404
        ),
        ("POST", f"{_SOURCE}/validations"): _managed(
            "validate",
            "Hold events of a type against one more schema, or another of its name",
            _VALIDATED,
            400,
            404,
            409,
            takes=ref("HeadraceValidation"),
        ),
        ("DELETE", f"{_SOURCE}/validations/{{name}}"): _managed(
            "stop-validating",
            "Take a validation away",
            _GONE,
            404,
            parameters=(_SOURCE_ID, _VALIDATION),
        ),
        **people.operations(_ADMIN),
    },
    schemas=SCHEMAS | people.SCHEMAS | linking.SCHEMAS,
    security={_ADMIN: {"type": "http", "scheme": "bearer"}},
)
