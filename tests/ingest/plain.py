"""A vendor as small as can be, and what an edge needs around it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.app import Ingest, build_app
from ingest.door import Bounds
from ingest.rounds import Answers, Patience
from schemas import codec
from schemas.answers import Ask
from schemas.catalog import Catalog
from schemas.commands import Command, DeleteSource, Nothing, Select, ShowSource
from schemas.envelope import RawEvent
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.events import Event
from schemas.ids import Ids
from schemas.merges import Merges
from schemas.metrics import Metrics
from schemas.refusals import refusal
from schemas.sources import Key, Limits, Redirect, Registry, Source, hash_key
from schemas.topics import Topics
from schemas.vendor import Batch, Claim, Draft, Edge, Grant, Reply, Request, Route

NOW = 1_763_660_896_499
DRAWN = "01920000-0000-7000-8000-000000000000"
PARTITIONS = 4


class Plain:
    """``POST /send`` with JSON events; the key is a header, the source a path parameter."""

    NAME = "plain"
    ROUTES: tuple[Route, ...] = (
        Route("/send", "send"),
        Route("/send/{source}", "send-to", bridge="webhook"),
        Route("/small", "small", methods=("POST", "PUT"), max_bytes=64),
        Route("/bug", "bug"),
        Route("/sources/{id}", "show", methods=("GET",), purpose="call"),
        Route("/sources/{id}", "delete", methods=("DELETE",), purpose="call"),
        Route("/rows", "rows", purpose="call"),
        Route("/alive", "alive", methods=("GET",), purpose="call"),
    )

    def read(self, request: Request) -> Claim:
        if request.endpoint == "bug":
            raise ZeroDivisionError
        if request.endpoint in {"show", "delete"}:
            return Claim("admin", request.headers.get("x-key", ""))
        if request.endpoint == "rows":
            return Claim("key", request.headers.get("x-key", ""), needs="query")
        if request.endpoint == "alive":
            return Claim("nothing", "")
        events = codec.loads(request.body)
        if not isinstance(events, list):
            raise Malformed("list-type", "send an array", where=("body",))
        if "source" in request.path:
            return Claim("source", request.path["source"], events)
        return Claim("key", request.headers.get("x-key", ""), events)

    def split(
        self,
        claim: Claim,
        request: Request,
        grant: Grant,  # noqa: ARG002 - a vendor's signature
        edge: Edge,  # noqa: ARG002 - as above
    ) -> Batch:
        return Batch(
            tuple(
                Draft(codec.dumps(event), str(event.get("who", "nobody")), str(event.get("id", "")))
                for event in claim.payload
            ),
            shared=codec.dumps({"query": request.query}),
            answer=len(claim.payload),
            ask=_ask(request),
        )

    def reply(self, batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:
        body: dict[str, Any] = {"count": batch.answer, "ids": event_ids, "ip": request.ip}
        if batch.ask is not None:
            body["told"] = [[told.event_id, told.profile_id] for told in batch.told]
            body["believed"] = batch.believed
        return Reply(200, codec.dumps(body), headers=(("X-Plain", "yes"),))

    def command(
        self,
        claim: Claim,  # noqa: ARG002 - a vendor's signature
        request: Request,
        grant: Grant | None,
    ) -> Command:
        if request.endpoint == "show":
            return ShowSource(request.path["id"])
        if request.endpoint == "delete":
            return DeleteSource(request.path["id"])
        if grant is None:
            return Nothing()
        return Select(grant.source.id, None, grant.key.customer if grant.key else "")

    def answer(
        self,
        result: Any,
        claim: Claim,  # noqa: ARG002 - a vendor's signature
        request: Request,
    ) -> Reply:
        body = {"result": result, "at": request.endpoint}
        return Reply(200, codec.dumps(body), headers=(("X-Process-Time", ""),))

    def refuse(self, error: HeadraceError, request: Request) -> Reply:
        body = {"plain": error.code, "said": error.message, "at": request.endpoint}
        return refusal(error, body, error.status)

    def decode(self, raw: RawEvent) -> Event:
        if "what" not in raw.body:
            raise Malformed("missing", "what happened?")
        known = {name: raw.body[name] for name in raw.body if name not in {"what", "who", "id"}}
        return Event("track", raw.body["what"], properties=known)


def _ask(request: Request) -> Ask | None:
    """``?ask=profile&session=s1``, with ``&anew=1`` or ``&guess=p1``, and ``?ask=debug``."""
    about, session = request.query.get("ask", [""])[0], request.query.get("session", ["s1"])[0]
    if about == "profile":
        (guess,) = request.query.get("guess", [""])
        return Ask("profile", session, "anew" in request.query, (lambda: guess) if guess else None)
    return Ask("debug", session) if about else None


@dataclass
class Kept:
    """A publisher that keeps what it is given."""

    trouble: str = ""
    detail: str = ""
    error: Exception | None = None
    gate: asyncio.Event | None = None
    taken: list[tuple[str, int, bytes]] = field(default_factory=list)
    received_at: int = 0

    async def publish(
        self, topic: str, lines: Mapping[int, list[bytes]], received_at: int = 0
    ) -> None:
        self.received_at = received_at
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.taken += [(topic, number, line) for number, chunk in lines.items() for line in chunk]

    def away(self) -> None:
        self.error = Unavailable("broker-unavailable", "Kafka is away")


@dataclass
class Counter:
    """A desk that notes what it is asked to do and gives back what it is told to."""

    result: Any = None
    error: Exception | None = None
    done: list[Command] = field(default_factory=list)

    async def do(self, command: Command) -> Any:
        self.done.append(command)
        if self.error is not None:
            raise self.error
        return self.result

    def is_admin(self, credential: str) -> bool:
        return credential == "admin-key"


@dataclass
class Feed:
    registry: Registry = field(default_factory=Registry)
    catalog: Catalog = field(default_factory=Catalog)
    merges: Merges = field(default_factory=Merges)


def source(name: str, **fields: Any) -> Source:
    """A source whose write key is ``<name>-key``."""
    keys = (
        Key("k1", "write", hash_key(f"{name}-key")),
        Key("k2", "query", hash_key(f"{name}-query")),
        Key("k3", "master", hash_key(f"{name}-master")),
        Key("k4", "query", hash_key(f"{name}-customer"), customer="acme"),
        Key("k5", "write", hash_key(f"{name}-old"), expires_at=NOW),
        Key("k6", "write", hash_key(f"{name}-ending"), expires_at=NOW + 1),
    )
    return Source(name, keys=keys, **fields)


def link(name: str) -> Redirect:
    """A redirect to a page of its name."""
    return Redirect(name, f"https://shop.example/{name}", "visit")


def registry() -> Registry:
    """One source of each kind that a request may meet."""
    found = Registry()
    found.put(source("shop"))
    found.put(source("hooks", bridge="webhook"))
    found.put(source("off", enabled=False))
    found.put(source("links", bridge="redirect", redirects=(link("spring"),)))
    found.put(source("ex", bridge="redirect", redirects=(link("gone"),), enabled=False))
    found.put(source("frozen", dynamic_schema=False))
    found.put(source("busy", limits=Limits(requests_per_second=2)))
    found.put(source("other", protocol="filum"))
    found.put(source("homely", origins=("https://shop.example",)))
    found.put(source("tight", limits=Limits(body_bytes=100, events_per_request=2)))
    return found


@dataclass
class World:
    """An app and everything around it; ``clock`` holds the time, Unix ms."""

    app: Ingest
    kept: Kept
    metrics: Metrics
    desk: Counter
    feed: Feed
    clock: list[int]


def world(
    *,
    bounds: Bounds | None = None,
    trusted_proxies: tuple[str, ...] = (),
    answers: Answers | None = None,
    patience: Patience | None = None,
    kept: Kept | None = None,
    **vendor: Any,
) -> World:
    kept, metrics, desk = kept or Kept(), Metrics(), Counter()
    feed, now = Feed(registry()), [NOW]
    plain = Plain()
    for name, value in vendor.items():
        setattr(plain, name, value)
    app = build_app(
        vendors=[plain],
        publisher=kept,
        feed=feed,
        desk=desk,
        topics=Topics("t", PARTITIONS),
        ids=Ids(b"secret"),
        clock=lambda: now[0],
        new_id=lambda: DRAWN,
        metrics=metrics,
        trusted_proxies=trusted_proxies,
        bounds=bounds,
        answers=answers,
        patience=patience,
    )
    return World(app, kept, metrics, desk, feed, now)
