"""One request of a vendor's path, from its first byte to its answer."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import parse_qs

from ingest import cors
from ingest.accept import authorise, stamp
from ingest.asgi import Headers, Receive, Scope, Send, respond
from ingest.body import Bodies, ClientGone, check_length
from ingest.client import Proxies
from ingest.paths import Entry
from ingest.tally import Tally
from schemas.catalog import Catalog
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.merges import Merges
from schemas.sources import Registry
from schemas.topics import Topics
from schemas.vendor import Edge, Reply, Request, Route

log: Final = logging.getLogger(__name__)

_MAX_QUERY_BYTES: Final = 16 << 10
_MAX_QUERY_FIELDS: Final = 200
_NO_QUERY: Final[Mapping[str, list[str]]] = {}


class Publisher(Protocol):
    """Where lines go."""

    @property
    def trouble(self) -> str:
        """Why nothing can be published at present; "" when it can."""

    async def publish(self, topic: str, lines: Mapping[int, list[bytes]]) -> None:
        """Return when all lines are safe; raise Unavailable otherwise."""


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
        topics: Topics,
        edge: Edge,
        clock: Callable[[], int],
        tally: Tally,
        proxies: Proxies,
        bounds: Bounds,
    ) -> None:
        self._publisher = publisher
        self._feed = feed
        self._partitions = topics.partitions
        self._topic_of = lru_cache(maxsize=1024)(lambda source_id: topics.raw(source_id).name)
        self._edge = edge
        self._clock = clock
        self._tally = tally
        self._proxies = proxies
        self._bounds = bounds
        self._bodies = Bodies(bounds.body_seconds, bounds.held_bytes)
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
        headers = _first_of(scope["headers"])
        if scope["method"] == "OPTIONS":
            await respond(send, 200, cors.preflight(headers, entry.routes), b"")
            return
        visit = _Visit(entry, parameters, scope, headers, self._client(scope), self._clock())
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
        await respond(send, reply.status, _headers(reply) + visit.extra, reply.body)

    def _client(self, scope: Scope) -> str:
        peer = scope.get("client")
        return self._proxies.client(peer[0] if peer else "", scope["headers"])

    def _refuse(self, visit: "_Visit", error: HeadraceError) -> Reply:
        self._tally.add("headrace_ingest_refused_total", (("code", error.code),))
        return visit.refuse(error)

    async def _accept(self, visit: "_Visit", receive: Receive) -> Reply:
        """Read, judge, stamp, publish: the way of every event."""
        if self._open > self._bounds.requests:
            raise Unavailable("overloaded", "too many requests are under way: try again")
        route = visit.route()
        request = visit.request = await self._read(visit, route, receive)
        vendor = visit.entry.vendor
        protocol = vendor.NAME
        claim = vendor.read(request)
        grant = authorise(
            claim, registry=self._feed.registry, protocol=protocol, route=route, request=request
        )
        source = grant.source
        batch = vendor.split(claim, request, grant, self._edge)
        accepted = stamp(
            batch,
            request=request,
            source=source,
            protocol=protocol,
            partitions=self._partitions,
            new_id=self._edge.new_id,
        )
        del claim  # parsed JSON is many times its bytes, and what follows may take a while
        if accepted.lines:
            await self._publisher.publish(self._topic_of(source.id), accepted.lines)
            self._tally.add(
                "headrace_ingest_events_total", (("source", source.id),), len(accepted.event_ids)
            )
        return vendor.reply(batch, accepted.event_ids, request)

    async def _read(self, visit: "_Visit", route: Route, receive: Receive) -> Request:
        headers = visit.headers
        limit = route.max_bytes or self._bounds.body_bytes
        check_length(headers.get("content-length", ""), limit)
        body = await self._bodies.read(receive, limit)
        visit.held = len(body)
        body = self._bodies.open(body, headers.get("content-encoding", ""), limit)
        visit.held = len(body)
        return visit.make(route, _query(visit.scope["query_string"]), body)


class _Visit:
    """What is known of a request before its body, so that every refusal can be the vendor's."""

    __slots__ = (
        "client",
        "entry",
        "extra",
        "headers",
        "held",
        "parameters",
        "received_at",
        "request",
        "scope",
    )

    def __init__(
        self,
        entry: Entry,
        parameters: Mapping[str, str],
        scope: Scope,
        headers: Mapping[str, str],
        client: str,
        received_at: int,
    ) -> None:
        self.entry = entry
        self.parameters = parameters
        self.scope = scope
        self.headers = headers
        self.client = client
        self.received_at = received_at
        self.held = 0
        self.request: Request | None = None
        self.extra = cors.allow(headers.get("origin", ""))

    def route(self) -> Route:
        """Find the route of the request's method; Malformed ``method-not-allowed`` (405)."""
        method = self.scope["method"]
        found = self.entry.routes.get(method)
        if found is None:
            raise Malformed("method-not-allowed", "Method Not Allowed", status=405)
        return found

    def make(self, route: Route, query: Mapping[str, list[str]], body: bytes) -> Request:
        return Request(
            endpoint=route.endpoint,
            method=self.scope["method"],
            path=self.parameters,
            query=query,
            headers=self.headers,
            body=body,
            ip=self.client,
            received_at=self.received_at,
        )

    def refuse(self, error: HeadraceError) -> Reply:
        """Word a refusal as the vendor does; a body that was not read whole is an empty one."""
        route = self.entry.routes.get(self.scope["method"], self.entry.any_route)
        reply = self.entry.vendor.refuse(error, self.request or self.make(route, _NO_QUERY, b""))
        if error.code == "origin-refused":
            self.extra = cors.deny(self.headers.get("origin", ""))
        if error.code == "method-not-allowed":
            self.extra.append((b"allow", ", ".join(sorted(self.entry.routes)).encode()))
        if error.code == "body-timeout":
            self.extra.append((b"connection", b"close"))
        if isinstance(error, Unavailable) and not _has(reply, "retry-after"):
            self.extra.append((b"retry-after", str(error.retry_after).encode()))
        return reply


def _first_of(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Decode headers; of a repeated one the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers)}


def _query(query: bytes) -> Mapping[str, list[str]]:
    """Parse a query string.

    Raises:
        Malformed: ``query-too-large`` (414).
    """
    if not query:
        return _NO_QUERY
    if len(query) > _MAX_QUERY_BYTES or query.count(b"&") >= _MAX_QUERY_FIELDS:
        message = f"send at most {_MAX_QUERY_BYTES} bytes and {_MAX_QUERY_FIELDS} parameters"
        raise Malformed("query-too-large", message, status=414)
    return parse_qs(query.decode("latin-1"), keep_blank_values=True)


def _headers(reply: Reply) -> Headers:
    headers: Headers = [(b"content-length", str(len(reply.body)).encode())]
    if reply.content_type:
        headers.append((b"content-type", reply.content_type.encode("latin-1")))
    for name, value in reply.headers:
        headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return headers


def _has(reply: Reply, name: str) -> bool:
    return any(given.lower() == name for given, _ in reply.headers)


def _own_fault(incident: str) -> HeadraceError:
    return HeadraceError("internal", f"this is a fault of the server; its log names it {incident}")
