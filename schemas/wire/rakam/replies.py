"""Rakam's answers: the byte ``1``, and errors in the shapes of both generations of servers."""

from typing import Final

from schemas.errors import HeadraceError, Refused
from schemas.reading import JsonObject
from schemas.vendor import Batch, Reply, Request, refusal

_FORBIDDEN: Final = 403


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Answer exactly the byte ``1``: trackers compare it, so nothing may be around it."""
    return Reply(
        200, b"1", content_type="" if request.endpoint == "collect" else "application/json"
    )


def refuse(error: HeadraceError, request: Request) -> Reply:  # noqa: ARG001
    """Say no; what Rakam refuses it forbids, except that it never heard of 401."""
    status = _FORBIDDEN if isinstance(error, Refused) else error.status
    message = error.message
    if error.code == "json-invalid":
        message = f"JSON couldn't parsed: {message}"
    body: JsonObject = {
        "errors": [{"title": message, "code": error.code}],
        "meta": None,
        "error": message,
        "error_code": status,
    }
    return refusal(error, body, status)
