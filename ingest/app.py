"""The ASGI application of the edge; the only file that knows Starlette."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ingest import openapi
from ingest.asgi import Receive, Scope, Send
from ingest.calls import Closed, Desk
from ingest.client import Proxies
from ingest.door import Bounds, Door, Publisher, SourceFeed
from ingest.gate import Gate
from ingest.packed import Unpack, Unread
from ingest.paths import Paths
from ingest.rounds import Answers, Patience, Rounds
from ingest.script import PATHS, Script, packaged
from ingest.tally import Tally
from schemas.ids import Ids
from schemas.metrics import Metrics
from schemas.topics import Topics
from schemas.vendor import Edge, Hooks, Vendor


class Ingest(Starlette):
    """Starlette for people, a dictionary for trackers.

    The vendors' paths do not pass through middleware, routing and Response objects: on one
    core that alone costs more than half of the requests.
    """

    def __init__(self, *, paths: Paths, door: Door, **starlette: Any) -> None:
        super().__init__(**starlette)
        self.router.redirect_slashes = False
        self._paths = paths
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = (
            self._paths.find(scope["path"], scope.get("raw_path"))
            if scope["type"] == "http"
            else None
        )
        if found is None:
            await super().__call__(scope, receive, send)
        else:
            await self._door.serve(*found, scope, receive, send)


def build_app(
    *,
    vendors: Sequence[Vendor],
    publisher: Publisher,
    feed: SourceFeed,
    desk: Desk | None = None,
    answers: Answers | None = None,
    topics: Topics,
    ids: Ids,
    clock: Callable[[], int],
    new_id: Callable[[], str],
    metrics: Metrics,
    trusted_proxies: Sequence[str] = (),
    bounds: Bounds | None = None,
    patience: Patience | None = None,
    hooks: Hooks | None = None,
    gate: Gate | None = None,
    unpack: Unpack | None = None,
) -> Ingest:
    """Build the edge: every vendor's paths, its probes, its figures and its description.

    Starting and stopping ``publisher``, ``answers`` and ``feed`` is the caller's; ``feed`` must
    have caught up, for a source that is not known yet is refused.

    Args:
        desk: does what calls ask for; without one only calls that need nothing are answered.
        answers: of the processors; without them replies tell what the edge alone can know.
        clock: Unix ms.
        new_id: draws a UUIDv7 as text.
        gate: kept up to date by the caller; without one limits are this process's alone.
        trusted_proxies: addresses or CIDR networks whose ``X-Forwarded-For`` is believed.
        hooks: lets the requests of webhooks in; without them there are none.
        unpack: reads Parquet and zip; without it they are refused.

    Raises:
        ValueError: two vendors claim or describe one path, or a proxy is no address.
    """
    tally = Tally(metrics)
    resolve = feed.merges.resolve
    rounds = Rounds(answers, resolve=resolve, tally=tally, patience=patience or Patience())
    door = Door(
        publisher=publisher,
        feed=feed,
        desk=desk or Closed(),
        rounds=rounds,
        topics=topics,
        edge=Edge(new_id=new_id, ids=ids, resolve=resolve, hooks=hooks),
        clock=clock,
        tally=tally,
        proxies=Proxies(trusted_proxies),
        bounds=bounds or Bounds(),
        gate=gate or Gate(),
        unpack=unpack or Unread(),
    )
    return Ingest(
        paths=Paths(vendors),
        door=door,
        routes=[
            *_operations(publisher, metrics, tally),
            _described(openapi.document(vendors, version("headrace"))),
            *_tracker(Script(packaged())),
        ],
        exception_handlers={HTTPException: _http_error},
    )


def _operations(publisher: Publisher, metrics: Metrics, tally: Tally) -> list[Route]:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        reason = publisher.trouble
        if reason:
            return _error(503, "not-ready", reason)
        detail = publisher.detail
        return JSONResponse(
            {"status": "ready", "detail": detail} if detail else {"status": "ready"}
        )

    async def metrics_text(_: Request) -> Response:
        tally.settle()
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics_text),
    ]


def _described(document: bytes) -> Route:
    async def openapi_json(_: Request) -> Response:
        return Response(document, media_type="application/json")

    return Route("/openapi.json", openapi_json)


def _tracker(script: Script) -> list[Route]:
    async def headrace_js(request: Request) -> Response:
        status, headers, body = script.answer(request.headers)
        return Response(body, status, headers)

    return [Route(path, headrace_js) for path in PATHS]


async def _http_error(_: Request, error: Exception) -> Response:
    """Answer for paths and methods that nobody has."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:  # noqa: PLR2004 - HTTP
        return _error(404, "not-found", "no such path: the README lists the vendors' paths")
    if status == 405:  # noqa: PLR2004 - HTTP
        refusal = _error(405, "method-not-allowed", "this path is for GET")
        refusal.headers["allow"] = "GET, HEAD"
        return refusal
    return _error(status, "internal", "see the log of the server")


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
