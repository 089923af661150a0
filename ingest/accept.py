"""What the edge decides about a request: let in or not; ids, partition and line of every event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from schemas.envelope import Head
from schemas.errors import Malformed, Refused
from schemas.ids import event_id
from schemas.sources import Key, Registry, Source
from schemas.topics import MAX_EVENT_BYTES, partition_of
from schemas.vendor import Batch, Claim, Grant, Request, Route, bound_events

MAX_REQUEST_LINES_BYTES: Final = 32 << 20
"""All lines of one request. What the events share is written into each of them, so a body
within its bound could otherwise grow a thousandfold."""
_MAX_USER_AGENT: Final = 1024
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Accepted:
    """The events of one request, ready for the broker.

    Attributes:
        event_ids: in the order of the drafts.
        lines: partition -> JSON lines, in the order of the drafts.
    """

    event_ids: tuple[str, ...]
    lines: dict[int, list[bytes]]


def authorise(
    claim: Claim, *, registry: Registry, protocol: str, route: Route, request: Request
) -> Grant:
    """Find the source that lets the request in; claims by key, source or redirect.

    Raises:
        Refused: ``source-unknown``, ``source-disabled``, ``bridge-mismatch``, ``key-missing``,
            ``key-unknown``, ``key-wrong-type``, ``key-expired``, ``redirect-unknown`` (404),
            ``protocol-mismatch`` or ``origin-refused``.
        Malformed: ``body-too-large`` (413) for what this source allows.
    """
    grant = _grant(claim, registry, request.received_at)
    source = grant.source
    if not source.enabled:
        raise Refused("source-disabled", "Event source disabled.")
    if route.bridge is not None and source.bridge != route.bridge:
        raise Refused(
            "bridge-mismatch",
            f"This endpoint allows only bridges of types ['{route.bridge}'], but event source "
            f"{source.id} has bridge '{source.bridge}'.",
        )
    if source.bridge == "import" and route.purpose == "collect" and protocol != "import":
        raise Refused(
            "bridge-mismatch",
            f"event source {source.id} has bridge 'import': only imports fill it",
        )
    if source.bridge == "kafka" and route.purpose == "collect":
        raise Refused(
            "bridge-mismatch",
            f"event source {source.id} has bridge 'kafka': only its topic fills it",
        )
    if not route.any_protocol and source.protocol not in {"any", protocol}:
        raise Refused(
            "protocol-mismatch",
            f"event source {source.id} takes {source.protocol} only, this is {protocol}",
            status=_FORBIDDEN,
        )
    if not allows_origin(source, request.headers.get("origin", "")):
        raise Refused(
            "origin-refused",
            f"add this page's origin to the origins of event source {source.id}",
            status=_FORBIDDEN,
        )
    _check_size(source, request)
    return grant


def allows_origin(source: Source, origin: str) -> bool:
    """Tell whether a page of this origin may send; "" is no page but a program, which may."""
    if not origin or "*" in source.origins:
        return True
    wanted = origin.lower()
    return any(wanted == allowed.lower().rstrip("/") for allowed in source.origins)


def stamp(
    batch: Batch,
    request: Request,
    grant: Grant,
    protocol: str,
    *,
    partitions: int,
    new_id: Callable[[], str],
    ask: str = "",
) -> Accepted:
    """Give every draft its event id, its partition and its line.

    Args:
        ask: what the processors answer to, "" for nothing: about a profile the first event
            carries it, else each.

    Raises:
        Malformed: ``too-many-events``, ``event-too-large`` or ``body-too-large`` (all 413).
    """
    source, key = grant.source, grant.key
    bound_events(len(batch.drafts), source)
    head = Head(
        source_id=source.id,
        protocol=protocol,
        endpoint=request.endpoint,
        received_at=request.received_at,
        ip=request.ip,
        user_agent=request.headers.get("user-agent", "")[:_MAX_USER_AGENT],
        batch=batch.shared,
        extends=key is not None and key.type == "master",
    )
    once = batch.ask is not None and batch.ask.about == "profile"
    event_ids: list[str] = []
    lines: dict[int, list[bytes]] = {}
    total = 0
    for position, draft in enumerate(batch.drafts):
        message_id = draft.message_id
        fixed = event_id(source.id, message_id) if message_id else new_id()
        line = head.line(
            event_id=fixed,
            visitor=draft.visitor,
            message_id=message_id,
            profile_id=draft.profile_id,
            session_id=draft.session_id,
            body=draft.body,
            ask=ask if position == 0 or not once else "",
        )
        total += len(line)
        _check_line(line, total, position)
        event_ids.append(fixed)
        lines.setdefault(partition_of(draft.visitor, partitions), []).append(line)
    return Accepted(tuple(event_ids), lines)


def _grant(claim: Claim, registry: Registry, now: int) -> Grant:
    if claim.by == "key":
        source, key = _by_key(claim, registry, now)
        return Grant(source, key)
    if claim.by == "redirect":
        found = registry.find_redirect(claim.credential)
        if found is None:
            raise Refused("redirect-unknown", "there is no such redirect", status=_NOT_FOUND)
        return Grant(found[0], redirect=found[1])
    return Grant(_by_id(claim, registry))


def _by_id(claim: Claim, registry: Registry) -> Source:
    source = registry.get(claim.credential)
    if source is None:
        raise Refused("source-unknown", "Access denied. Invalid event source.")
    return source


def _by_key(claim: Claim, registry: Registry, now: int) -> tuple[Source, Key]:
    if not claim.credential:
        raise Refused("key-missing", f"send the {claim.needs} key of an event source")
    found = registry.find_key(claim.credential)
    if found is None:
        raise Refused("key-unknown", "no event source has this key: check it, or rotate it")
    source, key = found
    if not key.may(claim.needs):
        raise Refused("key-wrong-type", f"this is a {key.type} key: send the {claim.needs} key")
    if key.expires_at and now >= key.expires_at:
        raise Refused("key-expired", "this key has expired: use the one that took its place")
    return source, key


def _check_size(source: Source, request: Request) -> None:
    limit = source.limits.body_bytes
    if len(request.body) > limit:
        raise Malformed(
            "body-too-large",
            f"event source {source.id} takes {limit} bytes per request, inflated: send fewer "
            "events per request",
            status=413,
        )


def _check_line(line: bytes, total: int, position: int) -> None:
    if len(line) > MAX_EVENT_BYTES:
        raise Malformed(
            "event-too-large",
            f"event {position} has more than {MAX_EVENT_BYTES} bytes as stored: send less in it",
            status=413,
            where=("body", position),
        )
    if total > MAX_REQUEST_LINES_BYTES:
        raise Malformed(
            "body-too-large",
            "the events share so much that together they are too large: send fewer per request",
            status=413,
        )
