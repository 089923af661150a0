"""A small language: feed a vendor module a request, and see everything that comes of it."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from schemas import codec, envelope
from schemas.answers import Told
from schemas.envelope import RawEvent
from schemas.errors import HeadraceError, Malformed
from schemas.events import Event
from schemas.ids import Ids
from schemas.sources import Redirect, Source
from schemas.vendor import Batch, Claim, Edge, Grant, Reply, Request, Vendor

IDS = Ids(b"the secret of these tests")
IP = "198.51.100.7"
RECEIVED_AT = 1_795_196_900_000
SHOP = Source("shop")


def drawn(number: int) -> str:
    """The id that an edge of these tests draws as its ``number``-th."""
    return f"00000000-0000-7000-8000-{number:012d}"


def drawing() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: drawn(next(numbers))


@dataclass(frozen=True)
class Fed:
    """What became of a request.

    ``decoded`` holds, for each event in order, the event or the reason why it is a dead letter.
    """

    reply: Reply
    error: HeadraceError | None = None
    claim: Claim = field(default_factory=lambda: Claim("key", ""))
    batch: Batch = field(default_factory=lambda: Batch(()))
    raws: tuple[RawEvent, ...] = ()
    decoded: tuple[Event | Malformed, ...] = ()

    @property
    def answer(self) -> Any:
        return json.loads(self.reply.body)

    @property
    def events(self) -> tuple[Event, ...]:
        assert all(isinstance(each, Event) for each in self.decoded), self.decoded
        return tuple(each for each in self.decoded if isinstance(each, Event))

    @property
    def event(self) -> Event:
        (event,) = self.events
        return event

    @property
    def code(self) -> str:
        assert self.error is not None, "accepted"
        return self.error.code


def post(
    vendor: Vendor,
    path: str,
    body: Any,
    headers: dict[str, str] | None = None,
    query: dict[str, list[str]] | None = None,
    method: str = "POST",
    **params: str,
) -> Request:
    """Make the request that the edge would hand over; ``body`` is bytes or a JSON value."""
    (route,) = [route for route in vendor.ROUTES if route.path == path and method in route.methods]
    return Request(
        endpoint=route.endpoint,
        method=method,
        path=params,
        query=query or {},
        headers=headers or {},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        ip=IP,
        received_at=RECEIVED_AT,
    )


def feed(
    vendor: Vendor,
    request: Request,
    source: Source = SHOP,
    *,
    redirect: Redirect | None = None,
    told: tuple[Told, ...] = (),
    resolve: Callable[[str], str] = str,
) -> Fed:
    """Take a request the whole way: read, split, written as lines, read back, decoded, answered.

    Args:
        redirect: that was visited.
        told: what the processors answer if they are asked.
        resolve: says which profile goes on for one that was merged.
    """
    new_id = drawing()
    try:
        claim = vendor.read(request)
        grant = Grant(source, redirect=redirect)
        batch = vendor.split(claim, request, grant, Edge(new_id, IDS, resolve))
    except HeadraceError as error:
        return Fed(vendor.refuse(error, request), error)
    if batch.ask is not None:
        batch = replace(batch, told=told)
    raws = tuple(_raws(vendor, request, batch, new_id))
    reply = vendor.reply(batch, tuple(raw.event_id for raw in raws), request)
    lines = [codec.dumps(raw) for raw in raws]
    assert not any(b"\n" in line for line in lines), "one event is one line"
    opened = tuple(_open(line) for line in lines)
    decoded = tuple(_decode(vendor, each) for each in opened)
    known = tuple(each for each in opened if isinstance(each, RawEvent))
    return Fed(reply, None, claim, batch, known, decoded)


def relabelled(request: Request) -> Iterator[Request]:
    """The same request as other clients would send it: labels lie, spaces differ."""
    yield request
    for label in ("text/plain", "text/plain;charset=UTF-8", "application/octet-stream"):
        yield replace(request, headers={**request.headers, "content-type": label})
    spread = json.dumps(json.loads(request.body), indent=2).replace("\n", "\r\n").encode()
    yield replace(request, body=b"\r\n " + spread + b"\n")


def _raws(
    vendor: Vendor, request: Request, batch: Batch, new_id: Callable[[], str]
) -> Iterator[RawEvent]:
    for draft in batch.drafts:
        assert draft.visitor, "the visitor chooses the partition"
        yield RawEvent(
            event_id=new_id(),
            source_id="shop",
            protocol=vendor.NAME,
            endpoint=request.endpoint,
            received_at=request.received_at,
            ip=request.ip,
            user_agent=request.headers.get("user-agent", ""),
            visitor=draft.visitor,
            message_id=draft.message_id,
            profile_id=draft.profile_id,
            session_id=draft.session_id,
            batch=codec.embed(batch.shared),
            body=codec.embed(draft.body),
        )


def _open(line: bytes) -> RawEvent | Malformed:
    try:
        return envelope.read(line)
    except Malformed as error:
        return error


def _decode(vendor: Vendor, raw: RawEvent | Malformed) -> Event | Malformed:
    if isinstance(raw, Malformed):
        return raw
    try:
        return vendor.decode(raw)
    except Malformed as error:
        return error
