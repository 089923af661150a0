"""Refusals in JSON: what the shapes of all vendors have in common."""

from typing import Any

from schemas import codec
from schemas.errors import HeadraceError, Unavailable
from schemas.vendor import Reply, Request


def refusal(error: HeadraceError, body: Any, status: int) -> Reply:
    """Make a JSON error reply; what may be tried again says when (RFC 9110, section 10.2.3)."""
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(error, Unavailable):
        headers = (("Retry-After", str(error.retry_after)),)
    return Reply(status, codec.dumps(body), headers=headers)


def refuse_plainly(error: HeadraceError, request: Request) -> Reply:  # noqa: ARG001
    """Say no as headrace's own protocols do: a code for programs, a sentence for people."""
    said = {"error": {"code": error.code, "message": error.message}}
    return refusal(error, said, error.status)
