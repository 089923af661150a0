"""What is known of a request before its body, so that every refusal can be the vendor's."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, cast
from urllib.parse import parse_qs

from ingest import cors
from ingest.asgi import Headers, Scope
from ingest.paths import Entry
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.ids import Ids
from schemas.vendor import Host, Reply, Request, Route

_MAX_QUERY_BYTES: Final = 16 << 10
_MAX_QUERY_FIELDS: Final = 200
_NO_QUERY: Final[Mapping[str, list[str]]] = {}
_ALWAYS_READ: Final = frozenset(
    {
        "access-control-allow-credentials",
        "access-control-allow-origin",
        "allow",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "location",
        "set-cookie",
        "vary",
    }
)
"""Headers of an answer that need not be exposed, or that no script could read anyway."""
_TOOK: Final = "x-process-time"


class Visit:
    """One request from its headers to its answer.

    Args:
        client: address, as the edge trusts it.
        received_at: Unix ms.

    Attributes:
        method: as routes know it: HEAD is a GET whose answer has no body.
        only_looks: it is a HEAD, whose events nobody meant.
        held: bytes of its body that count as held.
        request: None until the body is read whole.
        extra: headers of the answer beside the vendor's.
    """

    __slots__ = (
        "client",
        "entry",
        "extra",
        "headers",
        "held",
        "method",
        "only_looks",
        "origin",
        "parameters",
        "query_string",
        "received_at",
        "request",
    )

    def __init__(
        self,
        entry: Entry,
        parameters: Mapping[str, str],
        scope: Scope,
        client: str,
        received_at: int,
    ) -> None:
        method: str = scope["method"]
        self.entry = entry
        self.parameters = parameters
        self.query_string: bytes = scope["query_string"]
        self.headers = first_of(scope["headers"])
        self.only_looks = method == "HEAD"
        self.method = "GET" if self.only_looks and method not in entry.routes else method
        self.client = client
        self.received_at = received_at
        self.held = 0
        self.request: Request | None = None
        self.origin = self.headers.get("origin", "")
        self.extra = cors.allow(self.origin)

    def route(self) -> Route:
        """Find the route of the request's method; Malformed ``method-not-allowed`` (405)."""
        found = self.entry.routes.get(self.method)
        if found is None:
            raise Malformed("method-not-allowed", "Method Not Allowed", status=405)
        return found

    def read(self, route: Route, body: bytes) -> Request:
        """Note the request that came on a route, with its body and its query.

        Raises:
            Malformed: ``query-too-large`` (414).
        """
        self.request = self._make(route, _query(self.query_string), body)
        return self.request

    def without_body(self, request: Request) -> Request:
        """Let go of the body; what follows does without."""
        self.request = replace(request, body=b"")
        return self.request

    def _make(self, route: Route, query: Mapping[str, list[str]], body: bytes) -> Request:
        return Request(
            endpoint=route.endpoint,
            method=self.method,
            path=self.parameters,
            query=query,
            headers=self.headers,
            body=body,
            ip=self.client,
            received_at=self.received_at,
        )

    def refuse(self, error: HeadraceError, ids: Ids) -> Reply:
        """Word a refusal as the vendor does; a body that was not read whole is an empty one."""
        vendor = self.entry.vendor
        route = self.entry.routes.get(self.method)
        request = self.request or self._make(route or self.entry.any_route, _NO_QUERY, b"")
        if error.code == "origin-refused":
            self.extra = cors.deny(self.origin)
        if route is not None and route.onward:
            onward = cast("Host", vendor).onward(request, ids)
            if onward is not None:
                return onward
        reply = vendor.refuse(error, request)
        if error.code == "method-not-allowed":
            self.extra.append((b"allow", ", ".join(self.entry.methods()).encode()))
        if error.code == "body-timeout":
            self.extra.append((b"connection", b"close"))
        if isinstance(error, Unavailable) and not _has(reply, "retry-after"):
            self.extra.append((b"retry-after", str(error.retry_after).encode()))
        return reply

    def answer_headers(self, reply: Reply, clock: Callable[[], int]) -> Headers:
        """All headers of the answer; an empty ``X-Process-Time`` becomes the seconds it took.

        Args:
            clock: Unix ms.
        """
        headers: Headers = [(b"content-length", str(len(reply.body)).encode())]
        if reply.content_type:
            headers.append((b"content-type", reply.content_type.encode("latin-1")))
        for name, value in reply.headers:
            lower = name.lower()
            if not value and lower == _TOOK:
                took = max(0, clock() - self.received_at) / 1000
                headers.append((lower.encode("latin-1"), f"{took:.3f}".encode()))
            else:
                headers.append((lower.encode("latin-1"), value.encode("latin-1")))
        if not self.origin:
            return headers + self.extra
        every = headers + self.extra
        return headers + _exposed(tuple([name for name, _ in every])) + self.extra


@lru_cache(maxsize=256)
def _exposed(names: tuple[bytes, ...]) -> Headers:
    """Name the headers that scripts may not read unasked (Fetch standard, section 3.3.6)."""
    listed = [name.decode("latin-1") for name in names]
    return cors.expose([name for name in listed if name not in _ALWAYS_READ])


def first_of(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Decode headers; of a repeated one the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers)}


def _query(query: bytes) -> Mapping[str, list[str]]:
    if not query:
        return _NO_QUERY
    if len(query) > _MAX_QUERY_BYTES or query.count(b"&") >= _MAX_QUERY_FIELDS:
        message = f"send at most {_MAX_QUERY_BYTES} bytes and {_MAX_QUERY_FIELDS} parameters"
        raise Malformed("query-too-large", message, status=414)
    return parse_qs(query.decode("latin-1"), keep_blank_values=True)


def _has(reply: Reply, name: str) -> bool:
    return any(given.lower() == name for given, _ in reply.headers)
