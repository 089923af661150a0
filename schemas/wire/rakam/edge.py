"""Rakam at the edge: a request read, and taken apart into events, each way in its own file."""

from collections.abc import Callable
from typing import Any, Final

from schemas.commands import Command
from schemas.errors import Malformed
from schemas.vendor import Batch, Claim, Edge, Grant, Reply, Request
from schemas.wire.rakam import asking, bulk, credentials, events, pixel, profiles, projects, users

_Read = Callable[[Request], Claim]
_Split = Callable[[Claim, Request, Grant, Edge], Batch]

_ASKING: Final = "user_get_events"
_WAYS: Final[dict[str, tuple[_Read, _Split]]] = {
    "collect": (events.read_one, events.split_one),
    "batch": (events.read_batch, events.split_batch),
    "bulk": (bulk.read, bulk.split),
    "copy": (bulk.read, bulk.split),
    "remote": (bulk.read_remote, bulk.split_remote),
    "pixel": (pixel.read, events.split_one),
    **dict.fromkeys(users.ENDPOINTS, (users.read, users.split)),
}


def read(request: Request) -> Claim:
    """Check the request's own shape; find its key.

    Raises:
        Malformed: what is wrong with the shape; for a single event also with the event.
        Refused: ``key-missing``.
    """
    if request.endpoint == _ASKING:
        return asking.read(request)
    if request.endpoint in profiles.ENDPOINTS:
        return profiles.read(request)
    way = _WAYS.get(request.endpoint)
    return way[0](request) if way else projects.read(request)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make a draft of each event; a bad one among many becomes a dead letter, not a refusal.

    Raises:
        Malformed: the one event of a request is too deep or too wide, any is nested beyond
            what can be written as JSON at all, or a file is broken.
    """
    way = _WAYS.get(request.endpoint)
    if way is None:
        raise Malformed("not-an-event", "this path takes no events")
    credentials.refuse_scoped(grant.key.customer if grant.key else "")
    return way[1](claim, request, grant, edge)


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:
    """Say what a call wants done.

    Raises:
        Malformed: what is wrong with what it says.
        Refused: ``project-mismatch``.
    """
    if grant is not None and request.endpoint == _ASKING:
        return asking.command(claim, grant)
    if grant is not None and request.endpoint in profiles.ENDPOINTS:
        return profiles.command(claim, request, grant)
    return projects.command(claim, request, grant)


def answer(result: Any, claim: Claim, request: Request) -> Reply:
    """Word what was done.

    Raises:
        Malformed: ``user-unknown``.
    """
    if request.endpoint == _ASKING:
        return asking.answer(result, claim)
    if request.endpoint in profiles.ENDPOINTS:
        return profiles.answer(result, claim, request)
    return projects.answer(result, claim, request)
