"""Tracardi's answers: the union of what 0.7 to 0.9 say, and refusals as FastAPI writes them."""

from dataclasses import replace
from typing import Final

from schemas import codec
from schemas.errors import HeadraceError, Malformed
from schemas.reading import JsonObject
from schemas.refusals import refusal
from schemas.vendor import Batch, Reply, Request
from schemas.wire.tracardi import debugging, management
from schemas.wire.tracardi.answering import Answer, Onward
from schemas.wire.tracardi.edge import read
from schemas.wire.tracardi.payload import MODEL

_BAD: Final = 400
_NOT_FOUND: Final = 404
_REDIRECT: Final = 307
_UNPROCESSABLE: Final = 422
_TOOK: Final = ("X-Process-Time", "")
_CONTEXTS: Final = frozenset({"staging", "production"})
_PYDANTIC: Final = {
    "json-invalid": "JSON decode error",
    "missing": "Field required",
    "string-type": "Input should be a valid string",
    "bool-type": "Input should be a valid boolean",
    "dict-type": "Input should be a valid dictionary",
    "list-type": "Input should be a valid list",
    MODEL: "Input should be a valid dictionary or object to extract fields from",
    "bool-parsing": "Input should be a valid boolean, unable to interpret input",
    "datetime-parsing": "Input should be a valid datetime",
}
"""Texts that clients may compare; every other code speaks headrace's own words."""
_SENTENCES: Final = {
    "source-disabled": "Event source disabled.",
    "redirect-unknown": "Not Found",
    "admin-key-missing": "Not authenticated",
}


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:
    """Answer ids of profile and session, or send on; ``null`` when there was no event."""
    answer = batch.answer
    if isinstance(answer, Onward):
        onward = (("Location", answer.url), ("Cache-Control", "no-store"))
        return headed(Reply(_REDIRECT, b"", "", onward), request)
    body = _body(answer, batch, event_ids) if isinstance(answer, Answer) else None
    return headed(Reply(200, codec.dumps(body)), request)


def refuse(error: HeadraceError, request: Request) -> Reply:
    """Say no: ``{"detail": [...]}`` in pydantic's shape, or ``{"detail": "sentence"}``."""
    if request.endpoint in management.ENDPOINTS and error.status == _NOT_FOUND:
        said = refusal(error, None, _NOT_FOUND)
    elif isinstance(error, Malformed) and error.status in {_BAD, _UNPROCESSABLE}:
        said = refusal(error, {"detail": [_validation_error(error)]}, _UNPROCESSABLE)
    else:
        said = refusal(error, {"detail": _detail(error, request)}, error.status)
    if error.code.startswith("admin-key-"):
        said = replace(said, headers=(*said.headers, ("WWW-Authenticate", "Bearer")))
    return headed(said, request)


def headed(said: Reply, request: Request) -> Reply:
    """Add the headers of every answer; the edge knows how long it took."""
    headers = (*said.headers, _TOOK)
    context = request.headers.get("x-context", "").strip()
    if context in _CONTEXTS:
        headers = (*headers, ("X-Context", context))
    return Reply(said.status, said.body, said.content_type, headers)


def _body(answer: Answer, batch: Batch, event_ids: tuple[str, ...]) -> JsonObject:
    told = batch.told
    profile = next((each.profile_id for each in told if each.profile_id), "")
    body = answer.as_body(profile or batch.believed or answer.profile())
    if answer.asked and len(told) < (len(event_ids) if answer.debugs else 1):
        body["warnings"].append(
            "the processors did not answer in time: the events are safe, and what is said of "
            "profile and debugging is what the edge knows"
        )
    if answer.debugs:
        body["events"] = list(event_ids)
        body["debugging"] = block = debugging.block(answer, told, event_ids)
        body["errors"] += block["events"]["errors"]  # trackers write these to the console
    return body


def _validation_error(error: Malformed) -> JsonObject:
    where = error.where or ("body",)
    return {
        "type": error.code.replace("-", "_"),
        "loc": ("body", *where) if error.code == "json-invalid" else where,
        "msg": _PYDANTIC.get(error.code, error.message),
        "input": {},
        "ctx": {"error": error.message},
    }


def _detail(error: HeadraceError, request: Request) -> str:
    if error.code == "source-unknown":
        asked = _asked_source(request)
        return f"Invalid event source `{asked}`. Request came from IP: {request.ip}"
    if error.code == "admin-key-unknown":
        return management.wrong_key(request.endpoint)
    return _SENTENCES.get(error.code, error.message)


def _asked_source(request: Request) -> str:
    try:
        return read(request).credential
    except HeadraceError:
        return ""
