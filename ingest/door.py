"""One request of a vendor's path, from its first byte to its answer."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from typing import Final, Protocol, cast

from ingest import cors, frozen
from ingest.accept import Accepted, allows_origin, authorise, stamp
from ingest.asgi import Receive, Scope, Send, respond
from ingest.body import Bodies, ClientGone, check_length
from ingest.calls import Desk, call, check_admin
from ingest.client import Proxies
from ingest.gate import Gate
from ingest.packed import Unpack
from ingest.paths import Entry
from ingest.rounds import Rounds
from ingest.tally import Tally
from ingest.visit import Visit, first_of
from schemas.catalog import Catalog
from schemas.commands import DeclareSchema
from schemas.errors import HeadraceError, Unavailable
from schemas.merges import Merges
from schemas.rows import Packed
from schemas.sources import Registry
from schemas.topics import Topics
from schemas.vendor import Batch, Claim, Edge, Grant, Greeter, Reply, Request, Route, Vendor

log: Final = logging.getLogger(__name__)

_LARGE: Final = 16 << 10
"""Bytes of a body that is let go once its events are taken out of it."""


class Publisher(Protocol):
    """Where lines go."""

    @property
    def trouble(self) -> str:
        """Why nothing can be published at present; "" when it can."""

    @property
    def detail(self) -> str:
        """Why what is published reaches the broker only later; "" when it does so at once."""

    async def publish(
        self, topic: str, lines: Mapping[int, list[bytes]], received_at: int = 0
    ) -> None:
        """Return when all lines are safe; raise Unavailable otherwise.

        ``received_at`` is when the request came, Unix ms; 0 when nobody knows.
        """


class SourceFeed(Protocol):
    """What is known of the installation, kept up to date by somebody else."""

    @property
    def registry(self) -> Registry:
        """All sources known at present."""

    @property
    def catalog(self) -> Catalog:
        """All schemas known at present."""

    @property
    def merges(self) -> Merges:
        """All merged profiles known at present."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process takes on at once.

    Attributes:
        requests: under way at the same time.
        body_bytes: of one request, compressed as well as inflated; sources may allow less.
        held_bytes: of all bodies under way.
        body_seconds: from a request's headers to its last byte.
    """

    requests: int = 4096
    body_bytes: int = 16 << 20
    held_bytes: int = 32 << 20
    body_seconds: float = 30.0


class Door:
    """Serves the vendors' paths.

    Args:
        clock: Unix ms.
    """

    def __init__(
        self,
        *,
        publisher: Publisher,
        feed: SourceFeed,
        desk: Desk,
        rounds: Rounds,
        topics: Topics,
        edge: Edge,
        clock: Callable[[], int],
        tally: Tally,
        proxies: Proxies,
        bounds: Bounds,
        gate: Gate,
        unpack: Unpack,
    ) -> None:
        self._publisher = publisher
        self._feed = feed
        self._desk = desk
        self._rounds = rounds
        self._stamp = partial(stamp, partitions=topics.partitions, new_id=edge.new_id)
        self._topic_of = lru_cache(maxsize=1024)(lambda source_id: topics.raw(source_id).name)
        self._edge = edge
        self._clock = clock
        self._tally = tally
        self._proxies = proxies
        self._bounds = bounds
        self._bodies = Bodies(bounds.body_seconds, bounds.held_bytes)
        self._gate = gate
        self._unpack = unpack
        self._open = 0

    async def serve(
        self,
        entry: Entry,
        parameters: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer one HTTP request; every answer but a pre-flight's is the vendor's own."""
        if scope["method"] == "OPTIONS":
            await self._preflight(entry, parameters, scope, send)
            return
        visit = Visit(entry, parameters, scope, self._client(scope), self._clock())
        self._open += 1
        try:
            reply = await self._accept(visit, receive)
        except HeadraceError as error:
            reply = self._refuse(visit, error)
        except ClientGone:
            return
        except Exception:
            # Only a bug comes here. The log has its traceback, but neither body nor key.
            incident = self._edge.new_id()
            log.exception("request %s to %s failed", incident, entry.path)
            reply = self._refuse(visit, _own_fault(incident))
        finally:
            self._open -= 1
            self._bodies.release(visit.held)
        self._tally.add(
            "headrace_ingest_requests_total",
            (("protocol", entry.vendor.NAME), ("status", str(reply.status))),
        )
        body = b"" if scope["method"] == "HEAD" else reply.body
        await respond(send, reply.status, visit.answer_headers(reply, self._clock), body)

    async def _preflight(
        self, entry: Entry, parameters: Mapping[str, str], scope: Scope, send: Send
    ) -> None:
        """Tell a browser what a page may send; refuse only where the path names the source."""
        headers = first_of(scope["headers"])
        source = None
        with contextlib.suppress(Unavailable):  # not known at present: the request will hear of it
            source = self._feed.registry.get(parameters.get("source", ""))
        allowed = source is None or allows_origin(source, headers.get("origin", ""))
        answer = cors.preflight(headers, entry.methods(), allowed=allowed)
        if allowed and hasattr(entry.vendor, "greet"):
            greeting = cast("Greeter", entry.vendor).greet(headers)
            answer += [(name.encode(), value.encode()) for name, value in greeting]
        await respond(send, 200 if allowed else 403, answer, b"")

    def _client(self, scope: Scope) -> str:
        peer = scope.get("client")
        return self._proxies.client(peer[0] if peer else "", scope["headers"])

    def _refuse(self, visit: Visit, error: HeadraceError) -> Reply:
        self._tally.add("headrace_ingest_refused_total", (("code", error.code),))
        return visit.refuse(error, self._edge.ids)

    async def _accept(self, visit: Visit, receive: Receive) -> Reply:
        """Read and judge, then take the events or do what is asked."""
        if self._open > self._bounds.requests:
            raise Unavailable("overloaded", "too many requests are under way: try again")
        route = visit.route()
        request = await self._read(visit, route, receive)
        claim = visit.entry.vendor.read(request)
        grant = self._grant(claim, visit, route, request)
        if route.purpose == "call":
            vendor = visit.entry.vendor
            return await call(self._desk, vendor, claim, request, grant, self._tally)
        if grant is None:
            raise TypeError(f"{visit.entry.path} takes events that are no source's")
        self._gate.take_events(grant.source)
        if type(claim.payload) is Packed:
            rows = await self._unpack(request.body, claim.payload, grant.source.limits)
            self._bodies.hold(rows.size)
            visit.held += rows.size
            claim = replace(claim, payload=rows)
        collected = self._collect(visit, *self._split(visit, claim, request, grant), grant)
        # parsed JSON is many times its bytes, and many requests wait for Kafka at once
        del claim, request
        return await collected

    def _split(
        self, visit: Visit, claim: Claim, request: Request, grant: Grant
    ) -> tuple[Batch, Request]:
        batch = visit.entry.vendor.split(claim, request, grant, self._edge)
        if visit.only_looks:  # scanners of mail look at pixels and links that nobody opened
            batch = replace(batch, drafts=())
        # its bytes count as held all the same: who cannot be served is refused before the work
        return batch, request if visit.held < _LARGE else visit.without_body(request)

    def _grant(self, claim: Claim, visit: Visit, route: Route, request: Request) -> Grant | None:
        """Let the request in; None where it stands above all sources or beside them."""
        if claim.by == "nothing":
            return None
        if claim.by == "admin":
            check_admin(self._desk, claim.credential)
            return None
        grant = authorise(
            claim,
            registry=self._feed.registry,
            protocol=visit.entry.vendor.NAME,
            route=route,
            request=request,
        )
        self._gate.take(grant.source, visit.received_at)
        return grant

    async def _collect(self, visit: Visit, batch: Batch, request: Request, grant: Grant) -> Reply:
        """Publish, and hear what the reply wants to know: the way of every event."""
        vendor, ask, count = visit.entry.vendor, batch.ask, len(batch.drafts)
        if ask is None or not count:
            accepted = self._stamp(batch, request, grant, vendor.NAME)
            if count > 1:  # the lines have it all
                batch = replace(batch, drafts=())
            event_ids = await self._publish(vendor, accepted, request, grant)
            return vendor.reply(batch, event_ids, request)
        source_id, now = grant.source.id, request.received_at
        # Nobody answers in time what waits on disk.
        wanted = 0 if self._publisher.detail else count
        round_trip = self._rounds.expect(source_id, ask, wanted, now)
        if round_trip is None:
            accepted = self._stamp(batch, request, grant, vendor.NAME)
            event_ids = await self._publish(vendor, accepted, request, grant)
            told = self._rounds.remembered(source_id, ask, event_ids[0], now)
        else:
            with round_trip as expected:
                accepted = self._stamp(batch, request, grant, vendor.NAME, ask=expected.ask)
                event_ids = await self._publish(vendor, accepted, request, grant)
                told = await self._rounds.hear(source_id, ask, event_ids, now, expected)
        believed = "" if told else self._rounds.believed(source_id, ask, now)
        return vendor.reply(replace(batch, told=told, believed=believed), event_ids, request)

    async def _publish(
        self, vendor: Vendor, accepted: Accepted, request: Request, grant: Grant
    ) -> tuple[str, ...]:
        """Return the event ids once every event is safe."""
        source = grant.source
        if not source.dynamic_schema:
            await self._hold_to_schema(chain.from_iterable(accepted.lines.values()), vendor, grant)
        if accepted.lines:
            topic = self._topic_of(source.id)
            await self._publisher.publish(topic, accepted.lines, request.received_at)
            self._tally.add(
                "headrace_ingest_events_total", (("source", source.id),), len(accepted.event_ids)
            )
        return accepted.event_ids

    async def _hold_to_schema(self, lines: Iterable[bytes], vendor: Vendor, grant: Grant) -> None:
        """Refuse what a frozen schema does not know, or let a master key add it."""
        if not (grant.key and grant.key.type == "master"):
            frozen.check(lines, vendor, self._feed.catalog)
            return
        added = frozen.additions(lines, vendor, self._feed.catalog)
        for collection, properties in added.items():
            await self._desk.do(DeclareSchema(grant.source.id, collection, properties))

    async def _read(self, visit: Visit, route: Route, receive: Receive) -> Request:
        headers = visit.headers
        limit = route.max_bytes or self._bounds.body_bytes
        check_length(headers.get("content-length", ""), limit)
        body = await self._bodies.read(receive, limit)
        visit.held = len(body)
        body = self._bodies.open(body, headers.get("content-encoding", ""), limit)
        visit.held = len(body)
        return visit.read(route, body)


def _own_fault(incident: str) -> HeadraceError:
    return HeadraceError("internal", f"this is a fault of the server; its log names it {incident}")
