"""Tracardi's answers: the union of what 0.7 to 0.9 say, and refusals as FastAPI writes them."""

from typing import Final

from schemas import codec
from schemas.errors import HeadraceError, Malformed
from schemas.reading import JsonObject
from schemas.vendor import Batch, Reply, Request, refusal
from schemas.wire.tracardi.edge import read
from schemas.wire.tracardi.payload import MODEL

_BAD: Final = 400
_UNPROCESSABLE: Final = 422
_PYDANTIC: Final = {
    "json-invalid": "JSON decode error",
    "missing": "Field required",
    "string-type": "Input should be a valid string",
    "dict-type": "Input should be a valid dictionary",
    "list-type": "Input should be a valid list",
    MODEL: "Input should be a valid dictionary or object to extract fields from",
    "bool-parsing": "Input should be a valid boolean, unable to interpret input",
    "datetime-parsing": "Input should be a valid datetime",
}
"""Texts that clients may compare; every other code speaks headrace's own words."""


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Answer ids of profile and session; ``null`` when there was no event."""
    return Reply(200, codec.dumps(batch.answer))


def refuse(error: HeadraceError, request: Request) -> Reply:
    """Say no: ``{"detail": [...]}`` in pydantic's shape, or ``{"detail": "sentence"}``."""
    if isinstance(error, Malformed) and error.status in {_BAD, _UNPROCESSABLE}:
        return refusal(error, {"detail": [_validation_error(error)]}, _UNPROCESSABLE)
    return refusal(error, {"detail": _detail(error, request)}, error.status)


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
    match error.code:
        case "source-unknown":
            asked = _asked_source(request)
            return f"Invalid event source `{asked}`. Request came from IP: {request.ip}"
        case "source-disabled":
            return "Event source disabled."
        case _:
            return error.message


def _asked_source(request: Request) -> str:
    try:
        return read(request).credential
    except HeadraceError:
        return ""
