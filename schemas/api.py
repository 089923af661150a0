"""What the vendor modules under ``/api`` have in common: they take calls, and no events."""

from schemas.envelope import RawEvent
from schemas.errors import HeadraceError, Malformed
from schemas.events import Event
from schemas.refusals import refuse_plainly
from schemas.vendor import Batch, Claim, Edge, Grant, Reply, Request

_UNAUTHORISED = 401


def refuse(error: HeadraceError, request: Request) -> Reply:
    """Say no, and to whoever is not known how to become known (RFC 6750, section 3)."""
    made = refuse_plainly(error, request)
    if error.status != _UNAUTHORISED:
        return made
    return Reply(made.status, made.body, headers=(*made.headers, ("WWW-Authenticate", "Bearer")))


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Refuse: nothing under ``/api`` is an event."""
    raise Malformed("not-an-event", "nothing under /api takes events")


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Answer for no events, which never happens: :func:`split` refuses."""
    return Reply(204, b"", content_type="")


def decode(raw: RawEvent) -> Event:
    """Refuse: no event is headrace's own.

    Raises:
        Malformed: ``not-an-event``, always.
    """
    raise Malformed("not-an-event", f"{raw.endpoint} under /api takes no events")
