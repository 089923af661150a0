"""What Tracardi's paths take and answer, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    JSON,
    OBJECT,
    STRING,
    Description,
    Endpoint,
    answer,
    body,
    nullable,
    operation,
    parameter,
    ref,
    refusals,
    text,
)
from schemas.reading import MAX_ID, JsonObject
from schemas.wire.tracardi import shapes
from schemas.wire.tracardi.redirect import COOKIE

_TEXT: Final = """\
Tracardi's collection API: the id of an event source is the credential. A session's first \
request decides whose it is; a profile id that headrace did not issue is never adopted. With \
the admin key as token, event sources are managed the way Tracardi's scripts do it.
"""
_ADMIN: Final = "tracardiToken"
_FORM: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
_TYPE: Final = parameter("type", shapes.TYPE, "The event's type.", place="path")
_SOURCE: Final = parameter("source", text(MAX_ID), "The event source.", place="path")
_SESSION: Final = parameter("session", text(MAX_ID), place="path")
_REDIRECT: Final = parameter("redirect", text(MAX_ID), place="path")
_SOURCE_ID: Final = parameter("id", text(MAX_ID), place="path")
_WEBHOOK: Final = body(dict.fromkeys((JSON, _FORM, _MULTIPART), OBJECT), required=False)
_LESS: Final = parameter("profile_less", shapes.PROFILE_LESS, "Whether the events are nobody's.")


def _collecting(
    endpoint: str,
    summary: str,
    success: dict[str, JsonObject],
    *statuses: int,
    parameters: tuple[JsonObject, ...],
    takes: JsonObject | None = None,
) -> JsonObject:
    refused = refusals(ref("TracardiError"), 401, 403, 422, 429, *statuses)
    return operation(endpoint, summary, {**success, **refused}, parameters=parameters, takes=takes)


def _webhooks(path: str, name: str, *session: JsonObject) -> dict[Endpoint, JsonObject]:
    told = {"200": answer("It is safe.", ref("TracardiAnswer"))}
    parameters = (_TYPE, _SOURCE, *session)
    return {
        ("POST", path): _collecting(
            f"{name}-post",
            "Any JSON object or form becomes an event",
            told,
            parameters=parameters,
            takes=_WEBHOOK,
        ),
        ("GET", path): _collecting(
            f"{name}-get", "Any query string becomes an event", told, parameters=parameters
        ),
    }


def _redirects(path: str, name: str, *session: JsonObject) -> dict[Endpoint, JsonObject]:
    cookie = parameter(COOKIE, STRING, "The tracker's session.", place="cookie")
    parameters = (_REDIRECT, *(session or (cookie,)))
    onward = {"307": answer("Onward.", None, {"Location": {"schema": STRING}})}
    return {
        (method, path): _collecting(
            f"{name}-{method.lower()}",
            "Where the link leads" if method == "HEAD" else "A visit of a link is an event",
            onward,
            404,
            parameters=parameters,
        )
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD")
    }


def _managed(
    endpoint: str,
    summary: str,
    success: JsonObject,
    *statuses: int,
    parameters: tuple[JsonObject, ...] = (),
    takes: JsonObject | None = None,
) -> JsonObject:
    answers = {
        "200": answer("It is done.", success),
        **refusals(ref("TracardiError"), 401, *statuses),
    }
    if 404 in statuses:  # noqa: PLR2004 - HTTP
        answers["404"] = answer("There is no such event source.", {"type": "null"})
    return operation(
        endpoint, summary, answers, parameters=parameters, takes=takes, security=_ADMIN
    )


_MANAGEMENT: Final[dict[Endpoint, JsonObject]] = {
    ("GET", "/healthcheck"): operation(
        "healthcheck",
        "Is it alive?",
        {"200": answer("It is.", STRING), **refusals(ref("TracardiError"))},
    ),
    ("POST", "/user/token"): operation(
        "token",
        "A token; the password is the admin key",
        {
            "200": answer("The token.", shapes.TOKEN),
            **refusals(ref("TracardiError"), 401, 422),
        },
        takes=body(dict.fromkeys((_FORM, _MULTIPART), shapes.LOGIN)),
    ),
    ("GET", "/event-sources"): _managed(
        "list-sources",
        "All event sources",
        shapes.LISTED,
        parameters=(parameter("query", STRING, "A part of name, id or type."),),
    ),
    ("GET", "/event-sources/by_type"): _managed(
        "list-sources-by-type",
        "The same in groups",
        shapes.LISTED,
        parameters=(parameter("query", STRING, "A part of name, id or type."),),
    ),
    ("GET", "/event-sources/entity"): _managed(
        "list-source-names", "Their ids and names", shapes.COUNTED
    ),
    ("GET", "/event-sources/type/name"): _managed(
        "list-type-names", "Names of the types of bridge", shapes.COUNTED
    ),
    ("GET", "/event-sources/type/configuration"): _managed(
        "list-types", "The types of bridge", shapes.COUNTED
    ),
    ("GET", "/event-source/{id}"): _managed(
        "show-source", "One event source", shapes.SHOWN, 404, 422, parameters=(_SOURCE_ID,)
    ),
    ("DELETE", "/event-source/{id}"): _managed(
        "delete-source",
        "Take an event source away; its events stay",
        {"const": True},
        404,
        422,
        parameters=(_SOURCE_ID,),
    ),
    ("POST", "/event-source"): _managed(
        "save-source",
        "Make an event source, or change it",
        shapes.SAVED,
        409,
        422,
        takes=body(ref("TracardiSource")),
    ),
}
_ONE_SESSION: Final = {"200": answer("All of them are safe.", nullable(ref("TracardiAnswer")))}

DESCRIPTION: Final = Description(
    title="Tracardi",
    text=_TEXT,
    operations={
        ("POST", "/track"): _collecting(
            "track",
            "Events of one session",
            _ONE_SESSION,
            parameters=(_LESS,),
            takes=body(ref("TracardiPayload")),
        ),
        ("PUT", "/track"): _collecting(
            "track-put",
            "The same, answered without a look at the profile",
            {"200": answer("All of them are safe.", {"type": "null"})},
            parameters=(_LESS,),
            takes=body(ref("TracardiPayload")),
        ),
        **_webhooks("/collect/{type}/{source}", "collect"),
        **_webhooks("/collect/{type}/{source}/{session}", "collect-session", _SESSION),
        **_redirects("/redirect/{redirect}", "redirect"),
        **_redirects("/redirect/{redirect}/{session}", "redirect-session", _SESSION),
        **_MANAGEMENT,
    },
    schemas=shapes.SCHEMAS,
    security={_ADMIN: {"type": "http", "scheme": "bearer"}},
)
