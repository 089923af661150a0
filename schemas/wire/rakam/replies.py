"""Rakam's answers: the byte ``1``, and errors in the shapes of both generations of servers."""

from typing import Final

from schemas.errors import HeadraceError, Refused
from schemas.reading import JsonObject
from schemas.refusals import refusal
from schemas.vendor import Batch, Reply, Request
from schemas.wire.rakam.pixel import picture

SUCCESS: Final = b'{"success":true}'

_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_TOO_LARGE: Final = 413
_SUCCESSFUL: Final = frozenset({"bulk", "copy", "increment_property"})
"""Endpoints that say so; all others but the picture answer ``1``."""


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Answer exactly the byte ``1``: trackers compare it, so nothing may be around it."""
    if request.endpoint == "pixel":
        return picture()
    if request.endpoint in _SUCCESSFUL:
        return Reply(200, SUCCESS)
    return Reply(
        200, b"1", content_type="" if request.endpoint == "collect" else "application/json"
    )


def refuse(error: HeadraceError, request: Request) -> Reply:
    """Say no; what Rakam refuses it forbids, except that it never heard of 401 and 404."""
    if request.endpoint == "pixel" and error.code != "method-not-allowed":
        return picture(error)
    status = _status(error)
    message = _message(error, request)
    body: JsonObject = {
        "errors": [{"title": message, "code": error.code}],
        "meta": None,
        "error": message,
        "error_code": status,
    }
    return refusal(error, body, status)


def _status(error: HeadraceError) -> int:
    if isinstance(error, Refused):
        return error.status if error.code == "too-many-requests" else _FORBIDDEN
    if error.code in {"source-exists", "source-unknown", "schema-conflict"}:
        return _BAD_REQUEST
    return error.status


def _message(error: HeadraceError, request: Request) -> str:
    """The words that Rakam's clients and their users look for."""
    message = error.message
    if error.code == "json-invalid":
        return f"JSON couldn't parsed: {message}"
    if error.code == "schema-frozen" and "Schema is invalid" not in message:
        return f"Schema is invalid: {message}"
    if error.code.startswith("admin-key-"):
        return "Lock key is invalid"
    if error.code == "source-exists":
        return "Project already exists"
    if error.status == _TOO_LARGE and request.endpoint == "batch":
        return f"{message}; send large batches to /event/bulk"
    return message
