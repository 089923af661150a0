"""Requests under ``/api/webhooks`` -> commands, and what they are answered."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from schemas import api, codec
from schemas.commands import Command
from schemas.errors import HeadraceError
from schemas.events import iso
from schemas.reading import JsonObject, as_whole, bound, parse_object
from schemas.signatures import CODE
from schemas.source_fields import as_plain, refuse_others
from schemas.vendor import Claim, Grant, Reply, Request, Route
from schemas.webhook_commands import (
    ActivateWebhook,
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    ListWebhooks,
    ListWebhookTemplates,
    Sample,
    ShowWebhook,
    TestWebhook,
    Trial,
    WebhookTemplate,
)
from schemas.webhook_fields import wrong
from schemas.webhooks import Webhook

MAX_BODY_BYTES: Final = 1 << 20
MAX_VERSION: Final = 1_000_000

HOOKS: Final = "/api/webhooks"
ONE: Final = f"{HOOKS}/{{webhook_id}}"
TEST: Final = f"{ONE}/test"
ACTIVATE: Final = f"{ONE}/activate"
TEMPLATES: Final = "/api/webhook-templates"
METHODS: Final = ("GET", "POST", "PUT")


def _route(path: str, endpoint: str, *methods: str) -> Route:
    return Route(path, endpoint, methods, max_bytes=MAX_BODY_BYTES, purpose="call")


ROUTES: tuple[Route, ...] = (
    _route(HOOKS, "webhooks", "GET", "POST"),
    _route(ONE, "webhook", "GET", "PATCH", "DELETE"),
    _route(TEST, "test", "POST"),
    _route(ACTIVATE, "activate", "POST"),
    _route(TEMPLATES, "templates", "GET"),
)
refuse: Final[Callable[[HeadraceError, Request], Reply]] = api.refuse


def read(request: Request) -> Claim:
    """Find the admin key (RFC 6750, section 2.1); the edge refuses an empty one."""
    return Claim("admin", request.bearer)


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:  # noqa: ARG001
    """Say what is to be done.

    Raises:
        Malformed: missing, json-invalid, dict-type, json-too-deep, too-many-keys or
            webhook-invalid.
    """
    return _COMMANDS[request.endpoint, request.method](request)


def sample_of(given: Any) -> Sample:
    """Read a sample; Malformed ``webhook-invalid``."""
    if type(given) is not dict:
        raise wrong("sample", "sample is an object with body, headers, query, path and method")
    refuse_others(given, ("method", "query", "headers", "path", "body"), "a sample", CODE)
    method = given.get("method", "POST")
    if method not in METHODS:
        raise wrong("sample", f"sample.method is one of {', '.join(METHODS)}")
    made: dict[str, Any] = {"method": method, "body": given.get("body", "")}
    for name in ("headers", "path", "query"):
        texts = given.get(name, {})
        if type(texts) is not dict or not all(_fits(each, name) for each in texts.values()):
            raise wrong("sample", f"sample.{name} is an object of texts")
        made[name] = texts
    return Sample(**made)


def _fits(value: Any, name: str) -> bool:
    if name == "query" and type(value) is list:
        return all(type(each) is str for each in value)
    return type(value) is str


def _test(request: Request) -> TestWebhook:
    fields = _body(request) if request.body.strip() else {}
    refuse_others(fields, ("sample", "version"), "a test", CODE)
    sample = sample_of(fields["sample"]) if "sample" in fields else None
    return TestWebhook(_webhook(request), sample, _version(fields))


def _activate(request: Request) -> ActivateWebhook:
    fields = _body(request) if request.body.strip() else {}
    refuse_others(fields, ("version",), "an activation", CODE)
    return ActivateWebhook(_webhook(request), _version(fields))


def _version(fields: JsonObject) -> int:
    version = as_whole(fields.get("version", 0))
    if type(version) is not int or not 0 <= version <= MAX_VERSION:
        raise wrong("version", "version is the number of one, or 0 for the newest")
    return version


_COMMANDS: Final[Mapping[tuple[str, str], Callable[[Request], Command]]] = {
    ("webhooks", "GET"): lambda _: ListWebhooks(),
    ("webhooks", "POST"): lambda request: CreateWebhook(_body(request)),
    ("webhook", "GET"): lambda request: ShowWebhook(_webhook(request)),
    ("webhook", "PATCH"): lambda request: ChangeWebhook(_webhook(request), _body(request)),
    ("webhook", "DELETE"): lambda request: DeleteWebhook(_webhook(request)),
    ("test", "POST"): _test,
    ("activate", "POST"): _activate,
    ("templates", "GET"): lambda _: ListWebhookTemplates(),
}


def _webhook(request: Request) -> str:
    return as_plain(request.path["webhook_id"], "webhook_id", code=CODE)


def _body(request: Request) -> JsonObject:
    body = parse_object(request.body)
    bound(body)
    return body


def answer(result: Any, claim: Claim, request: Request) -> Reply:  # noqa: ARG001
    """Word the result of a command."""
    if result is None:
        return Reply(204, b"", content_type="")
    if request.endpoint == "templates":
        return Reply(200, codec.dumps({"templates": [of_template(each) for each in result]}))
    if type(result) is tuple:
        return Reply(200, codec.dumps({"webhooks": [worded(each) for each in result]}))
    if isinstance(result, Trial):
        return Reply(200, codec.dumps(tried(result)))
    body = codec.dumps(worded(result))
    if (request.endpoint, request.method) == ("webhooks", "POST"):
        return Reply(201, body, headers=(("Location", f"{HOOKS}/{result.id}"),))
    return Reply(200, body)


def worded(webhook: Webhook) -> JsonObject:
    """Write a webhook as JSON; of secrets only that they are there; times are ISO 8601."""
    record = asdict(webhook)
    record["path"] = f"/webhook/collect/{webhook.id}?write_key=WRITE-KEY"
    for each in record["secrets"]:
        del each["sealed"]
    for each in (record, *record["secrets"], *record["versions"]):
        for name in ("created_at", "updated_at", "tested_at"):
            if name in each:
                each[name] = iso(each[name]) if each[name] else None
    return record


def tried(trial: Trial) -> JsonObject:
    """Write what came of a test."""
    made: JsonObject = {
        "passed": not trial.code,
        "version": trial.version,
        "events": list(trial.events),
        "log": list(trial.said),
    }
    if trial.code:
        made["error"] = {"code": trial.code, "message": trial.message, "stack": trial.stack}
    return made


def of_template(template: WebhookTemplate) -> JsonObject:
    """Write a template, with its script, which others begin with."""
    record = asdict(template)
    record["description"] = record.pop("text")
    return record
