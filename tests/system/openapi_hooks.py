"""Loaded by schemathesis: real credentials where OpenAPI has no word for them.

Rakam's and Tracardi's stand in the body or in the path, where the generated ones would only
ever be refused. They come as the environment's ``OPENAPI_*``, from test_openapi.py.
"""

import json
import os
import re
from typing import Any

import schemathesis

# Refusals of requests that fit the document, for reasons that JSON Schema cannot express.
_BEYOND_A_SCHEMA = {
    "label-repeated": "two figures of a query have one name",
    "order-unknown": "a query is ordered by what is not in it",
    "kafka-invalid": "fields of a topic belong together, certificates and Avro have a grammar",
    "link-invalid": "targets of links have a grammar, and their properties so many bytes",
    "parameter-invalid": "moments, spans and conditions of a named query have a grammar",
    "source-exists": "Rakam answers 400 where others answer 409",
    "schema-conflict": "as above",
    "schema-invalid": "a JSON Schema is more than an object",
    "task-invalid": "schedules, networks and templates of tasks have a grammar",
    "user-unknown": "nobody has the id that a user is asked for by",
    "validation-exists": "two event types of a source have validations of one name",
    "too-many-validations": "a source has some number of them already",
    "webhook-exists": "a source has one webhook for its /collect",
    "webhook-invalid": "places, secrets, scripts and templates of webhooks have a grammar",
    "webhook-unsigned": "a webhook that declares a signature has a secret",
    "webhook-untested": "a version runs once it has passed a test",
    "remote-unsupported": "Rakam's remote files are refused, whatever they are",
}
_FILES = ("/event/bulk", "/event/copy")
"""They take CSV, JSON lines and Avro, too, which a schema of JSON does not describe."""
_LONGEST = 1_024
"""Characters of a credential or an id; a longer one is there to be refused."""
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DRAWN = "=hrw_"
"""A write key in the query, which schemathesis read in an answer and which lets it in by right."""
_FATAL = ("/project/delete", "/project/revoke-api-keys")
"""They put an end to the key that they are shown."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put the real credential in the place of a generated one that has the right type."""
    body = case.body if isinstance(case.body, dict) else {}
    query = case.query if isinstance(case.query, dict) else {}
    if isinstance(body.get("api"), dict):
        _replace(body["api"], "api_key", "KEY", missing=True)
    if isinstance(body.get("source"), dict):
        _replace(body["source"], "id", "SOURCE")
    if case.path in {"/api/tasks", "/api/webhooks"} and _SLUG.fullmatch(str(body.get("source"))):
        _replace(body, "source", "SOURCE")
    _replace(body, "lock_key", "ADMIN")
    _replace(body, "password", "ADMIN")
    _replace(query, "lock_key", "ADMIN")
    _replace(query, "api.api_key", "KEY")
    if "/webhook/" in case.path:  # elsewhere it would let in what is to be refused
        _replace(query, "write_key", "KEY")
    if case.path in _FATAL and case.headers:
        _replace(case.headers, "master_key", "DOOMED")


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Keep every failure but those that are named here and above."""
    sort = type(failure).__name__
    if sort in {"AcceptedNegativeData", "IgnoredAuth"} and _DRAWN in response.request.url:
        return False
    if sort == "AcceptedNegativeData":
        return not (_is_kept_unread(case, response) or _has_a_key_beside(case, response))
    if sort == "RejectedPositiveData":
        label = response.request.headers.get("Content-Type", "")
        if case.path in _FILES and label != "application/json":
            return False
        return _code(response) not in _BEYOND_A_SCHEMA
    return True


def _is_kept_unread(case: Any, response: Any) -> bool:
    """As upstream: a webhook's body labelled JSON that is none is kept for people to look at."""
    return bool(case.path.startswith("/collect/")) and not _is_json(response.request.body)


def _has_a_key_beside(case: Any, response: Any) -> bool:
    """Rakam's `api` may be anything, or be left out, where a header has the key."""
    in_body = bool(case.path.startswith(("/event/", "/user/")))
    return in_body and "master_key" in response.request.headers


def _is_json(body: Any) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _replace(holder: dict[str, Any], name: str, credential: str, *, missing: bool = False) -> None:
    value = holder.get(name)
    fits = isinstance(value, str) and len(value) <= _LONGEST
    if fits or (missing and name not in holder):
        holder[name] = os.environ[f"OPENAPI_{credential}"]


def _code(response: Any) -> str:
    said = json.loads(response.content)
    found = said["errors"][0] if "errors" in said else said
    found = found["error"] if isinstance(found.get("error"), dict) else found
    return str(found.get("code"))
