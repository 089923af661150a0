"""EventBunker's refusals: a sentence, its code and its status."""

from typing import Final

from schemas.errors import HeadraceError
from schemas.refusals import refusal
from schemas.vendor import Reply, Request
from schemas.wire.eventbunker.edge import needs
from schemas.wire.eventbunker.names import HEADERS

_MAY_NOT: Final = {
    "write": "This key is no write key: a query or delete key cannot write events.",
    "query": "This key is no query key: a write or delete key cannot read events.",
    "delete": "This key is no delete key: a write or query key cannot delete events.",
    "master": "This key is no master key of a project: it cannot manage keys.",
}


def refuse(error: HeadraceError, request: Request) -> Reply:
    """Say no in a sentence; the texts of 401 tell a missing, an unknown and a wrong key."""
    sentence = _sentence(error, request.endpoint)
    body = {"error": sentence, "code": error.code, "status": error.status}
    return refusal(error, body, error.status)


def _sentence(error: HeadraceError, endpoint: str) -> str:
    needed = needs(endpoint)
    kind = "Account key" if endpoint == "project" else f"{needed.capitalize()} key"
    match error.code:
        case "key-missing" | "admin-key-missing":
            return f"{kind} missing: send it in the header {HEADERS[needed]}."
        case "key-unknown" | "admin-key-unknown" if endpoint != "key-delete" or (
            error.status == 401  # noqa: PLR2004 - the key that was shown, not the one to delete
        ):
            return f"{kind} unknown: check it, or create one for this project."
        case "key-expired":
            return f"{kind} expired: create another one for this project."
        case "key-wrong-type":
            return _MAY_NOT[needed]
        case "source-exists":
            return "A project of this name exists already: choose another name."
        case _:
            return error.message
