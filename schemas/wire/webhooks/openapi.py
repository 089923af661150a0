"""What webhooks and ``/api/webhooks`` take and answer, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    BOOLEAN,
    PLAIN,
    PROSE,
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
from schemas.reading import MAX_NAME, JsonObject
from schemas.signatures import (
    ALGORITHMS,
    ENCODINGS,
    KEY_ENCODINGS,
    MAX_FIELD,
    MAX_SIGNED,
    MAX_TOLERANCE,
    PLACE,
)
from schemas.webhooks import (
    ANSWERS,
    MAX_DESCRIPTION,
    MAX_MILLISECONDS,
    MAX_SCRIPT,
    MAX_SECRET,
    MAX_SECRETS,
    PLACES,
    SLUG,
)
from schemas.wire.webhooks.calls import ACTIVATE, HOOKS, MAX_VERSION, METHODS, ONE, TEMPLATES, TEST

_TEXT: Final = """\
Requests of other services, kept as they came and made into events by a script of yours. The \
README of `schemas/wire/webhooks` says what a script is given and what it gives.
"""
_ADMIN: Final = "headraceAdminKey"
_ERROR: Final = ref("HeadraceError")
_TIME: Final[JsonObject] = {"type": ["string", "null"], "format": "date-time"}
_WEBHOOK_ID: Final = parameter("webhook_id", STRING, place="path")
_ID: Final[JsonObject] = {"type": "string", "pattern": SLUG}
_PLACED: Final[JsonObject] = {"type": "string", "pattern": PLACES}
_VERSION: Final[JsonObject] = {"type": "integer", "minimum": 0, "maximum": MAX_VERSION}
_FIELDS: Final[dict[str, JsonObject]] = {
    "name": text(MAX_NAME, pattern=PLAIN),
    "description": text(MAX_DESCRIPTION, pattern=PROSE),
    "enabled": BOOLEAN,
    "answer": {
        "type": "string",
        "enum": list(ANSWERS),
        "description": "json, blank, empty (204) at once; rakam 1 or 0 when events are known.",
    },
    "collects": {**BOOLEAN, "description": "Tracardi's /collect of the source goes this way."},
    "delivery": {**_PLACED, "description": "Text that tells deliveries apart."},
    "echo": {**_PLACED, "description": "Text that is the whole answer where there is one."},
    "signature": nullable(ref("WebhooksSignature")),
    "parameters": {"type": "object", "description": "Given to the script."},
    "milliseconds": {"type": "integer", "minimum": 1, "maximum": MAX_MILLISECONDS},
}
_GIVEN: Final[dict[str, JsonObject]] = {
    **_FIELDS,
    "script": text(MAX_SCRIPT, description="JavaScript with a function transform."),
    "secrets": array(
        text(MAX_SECRET),
        maxItems=MAX_SECRETS,
        description="In the place of those there are. Sealed, and never shown.",
    ),
}
_SECRET: Final = record({"id": STRING, "created_at": _TIME}, ("id",))
_VERSIONS: Final = record(
    {"number": WHOLE, "script": STRING, "created_at": _TIME, "tested_at": _TIME},
    ("number", "script", "created_at", "tested_at"),
)
_TEXTS: Final[JsonObject] = {"type": "object", "additionalProperties": STRING}
_SCHEMAS: Final[dict[str, JsonObject]] = {
    "WebhooksSignature": record(
        {
            "at": {"type": "string", "pattern": f"^{PLACE}$"},
            "field": text(MAX_FIELD),
            "algorithm": {"type": "string", "enum": list(ALGORITHMS)},
            "encoding": {"type": "string", "enum": list(ENCODINGS)},
            "signed": text(MAX_SIGNED, description="Such as {timestamp}.{body}."),
            "timestamp": _PLACED,
            "timestamp_field": text(MAX_FIELD),
            "tolerance": {"type": "integer", "minimum": 0, "maximum": MAX_TOLERANCE},
            "key_encoding": {"type": "string", "enum": list(KEY_ENCODINGS)},
            "body_digest": _PLACED,
        },
        ("at",),
        others=False,
    ),
    "WebhooksFields": record(_GIVEN, others=False),
    "WebhooksNew": record(
        {"id": _ID, "source": _ID, "template": text(MAX_NAME, pattern=PLAIN), **_GIVEN},
        ("id", "source"),
        others=False,
        text="With a script, or with a template that brings one.",
    ),
    "Webhook": record(
        {
            "id": _ID,
            "source": STRING,
            "template": STRING,
            **_FIELDS,
            "path": STRING,
            "secrets": array(_SECRET),
            "versions": array(_VERSIONS),
            "active": {**WHOLE, "description": "Number of the version that runs; 0 for none."},
            "created_at": _TIME,
            "updated_at": _TIME,
        },
        ("id", "source", "versions", "active", "path", *_FIELDS),
    ),
    "WebhooksSample": record(
        {
            "method": {"type": "string", "enum": list(METHODS)},
            "query": {
                "type": "object",
                "additionalProperties": {"anyOf": [STRING, array(STRING)]},
            },
            "headers": _TEXTS,
            "path": _TEXTS,
            "body": {"description": "A text as it is sent, or any other value as JSON."},
        },
        others=False,
    ),
    "WebhooksTrial": record(
        {
            "passed": BOOLEAN,
            "version": WHOLE,
            "events": array({"type": "object"}),
            "log": array(STRING),
            "error": record(
                {"code": STRING, "message": STRING, "stack": STRING},
                ("code", "message", "stack"),
            ),
        },
        ("passed", "version", "events", "log"),
    ),
    "WebhooksTemplate": record(
        {"name": STRING, "description": STRING, "script": STRING, "secret": STRING},
        ("name", "description", "script"),
    ),
}
_ONE: Final = {"200": answer("The webhook as it is now.", ref("Webhook"))}
_LINKS: Final[dict[str, JsonObject]] = {
    endpoint: {
        "operationId": f"webhooks-{endpoint}",
        "parameters": {"webhook_id": "$response.body#/id"},
    }
    for endpoint in ("show", "change", "test", "activate", "delete")
}
_COLLECTED: Final = {
    "200": answer(
        "It is safe; or what its script made of it, `1` or `0`; or the text that was asked for.",
        {"application/json": {}, "text/plain": STRING},
    ),
    "204": answer("It is safe, for a webhook that answers so."),
    **refusals(
        ref("WebhooksError"), 400, 401, 403, 404, 429, of={401: "The signature is not right."}
    ),
}


def _collect(method: str, path: str) -> tuple[tuple[str, str], JsonObject]:
    where = "collect" if path.startswith("/webhook") else "rakam-collect"
    return (method, path), operation(
        f"{where}-{method.lower()}",
        "Whatever another service sends",
        _COLLECTED,
        parameters=(
            parameter("webhook", STRING, "Id of the webhook.", place="path"),
            parameter("write_key", STRING, "Of the webhook's source."),
        ),
        takes=None if method == "GET" else body({"*/*": {}}, required=False),
    )


def _said(
    endpoint: str,
    summary: str,
    answers: dict[str, JsonObject],
    *statuses: int,
    takes: JsonObject | None = None,
    of_one: bool = True,
    required: bool = True,
) -> JsonObject:
    return operation(
        endpoint,
        summary,
        {**answers, **refusals(_ERROR, 401, *statuses)},
        parameters=(_WEBHOOK_ID,) if of_one else (),
        takes=None if takes is None else body(takes, required=required),
        security=_ADMIN,
    )


_TEST: Final = record(
    {"sample": ref("WebhooksSample"), "version": _VERSION},
    others=False,
    text="Without a sample those of its template are taken; without a version the newest.",
)
DESCRIPTION: Final = Description(
    title="Webhooks",
    text=_TEXT,
    operations={
        **dict(
            _collect(method, f"{prefix}/webhook/collect/{{webhook}}")
            for prefix in ("", "/rakam")
            for method in METHODS
        ),
        ("GET", HOOKS): _said(
            "list",
            "All webhooks",
            {"200": answer("By id.", record({"webhooks": array(ref("Webhook"))}, ("webhooks",)))},
            of_one=False,
        ),
        ("POST", HOOKS): _said(
            "create",
            "Make a webhook, with the first version of its script",
            {"201": answer("It.", ref("Webhook"), {"Location": {"schema": STRING}}, _LINKS)},
            400,
            409,
            takes=ref("WebhooksNew"),
            of_one=False,
        ),
        ("GET", ONE): _said("show", "One webhook, with all versions", _ONE, 400, 404),
        ("PATCH", ONE): _said(
            "change",
            "Change those fields that are named; another script is another version",
            _ONE,
            400,
            404,
            409,
            takes=ref("WebhooksFields"),
        ),
        ("DELETE", ONE): _said(
            "delete", "Take it away; its events stay", {"204": answer("It is gone.")}, 400, 404
        ),
        ("POST", TEST): _said(
            "test",
            "Try a version on a sample; nothing is stored",
            {"200": answer("What it made, or why it failed.", ref("WebhooksTrial"))},
            400,
            404,
            takes=_TEST,
            required=False,
        ),
        ("POST", ACTIVATE): _said(
            "activate",
            "Let a version run from now on",
            _ONE,
            400,
            404,
            409,
            takes=record({"version": _VERSION}, others=False),
            required=False,
        ),
        ("GET", TEMPLATES): _said(
            "templates",
            "Scripts that are ready to be used",
            {
                "200": answer(
                    "By name.",
                    record({"templates": array(ref("WebhooksTemplate"))}, ("templates",)),
                )
            },
            of_one=False,
        ),
    },
    schemas=_SCHEMAS
    | {
        "WebhooksError": record(
            {"error": record({"code": STRING, "message": STRING}, ("code", "message"))}, ("error",)
        )
    },
)
