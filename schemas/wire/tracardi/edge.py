"""Tracardi at the edge: its paths, and which part of this package serves them."""

from schemas.sources import Bridge
from schemas.vendor import Batch, Claim, Edge, Grant, Request, Route
from schemas.wire.tracardi import collect, management, redirect, track

_VISITS = ("GET", "POST", "PUT", "DELETE", "HEAD")
_WEBHOOK: Bridge = "webhook"

ROUTES: tuple[Route, ...] = (
    Route("/track", "track", ("POST", "PUT"), bridge="rest"),
    Route("/collect/{type}/{source}", "collect", ("POST", "GET"), bridge=_WEBHOOK),
    Route("/collect/{type}/{source}/{session}", "collect", ("POST", "GET"), bridge=_WEBHOOK),
    Route("/redirect/{redirect}", "redirect", _VISITS, bridge="redirect"),
    Route("/redirect/{redirect}/{session}", "redirect", _VISITS, bridge="redirect"),
    *management.ROUTES,
)
"""Each also answers with a slash behind it, see :mod:`ingest.paths`."""


def read(request: Request) -> Claim:
    """Check the request's shape and find what lets it in.

    Raises:
        Malformed: the codes are pydantic's error types with hyphens.
        Refused: ``source-internal`` or ``bot-traffic``.
    """
    match request.endpoint:
        case "track":
            return track.read(request)
        case "collect":
            return collect.read(request)
        case "redirect":
            return redirect.read(request)
        case _:
            return management.read(request)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Take the request apart into events.

    Raises:
        Malformed: an event or what they share is too deep or too wide, or a source with static
            profile ids got none.
        Refused: ``redirect-unknown``.
    """
    match request.endpoint:
        case "collect":
            return collect.split(claim, request, grant.source, edge)
        case "redirect":
            return redirect.split(request, grant, edge)
        case _:
            return track.split(claim, request, grant.source, edge)
