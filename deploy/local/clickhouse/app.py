"""ClickHouse's HTTP interface as a Starlette application."""

import time
import uuid

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from deploy.local.clickhouse import errors, reply
from deploy.local.clickhouse.access import Access
from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.engine_handle import Outcome
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.incoming import Incoming, take_in
from deploy.local.clickhouse.meter import Meter
from deploy.local.clickhouse.runner import Runner
from deploy.local.clickhouse.streaming import file_pieces, send_stream

_DISPLAY = {"X-ClickHouse-Server-Display-Name": "headrace"}


def build_app(config: ClickHouseConfig, runner: Runner, version: str) -> Starlette:
    """The application over a running engine; ``version`` is the engine's own."""
    interface = Interface(config, runner, version)
    return Starlette(
        routes=[
            Route("/", interface, methods=["GET", "POST"]),
            Route("/ping", _ok),
            Route("/replicas_status", _ok),
            Route("/healthz", _ok),
            Route("/readyz", interface.ready),
            Route("/metrics", interface.metrics),
        ],
        exception_handlers={HTTPException: _no_such_path, Exception: interface.failed_here},
    )


async def _ok(_request: Request) -> Response:
    return PlainTextResponse("Ok.\n", headers=_DISPLAY)


async def _no_such_path(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse(
        f"There is no handle {request.url.path}\n\n"
        "Use / or /ping for health checks, and / with a query for statements.\n",
        status_code=status,
    )


class Interface:
    """The ASGI application of statements, and the handlers that need the engine."""

    def __init__(self, config: ClickHouseConfig, runner: Runner, version: str) -> None:
        self._config, self._runner, self._version = config, runner, version
        self._access = Access(config)
        self._meter = Meter()

    async def ready(self, _request: Request) -> Response:
        """200 when the engine answers, else 503 with its error."""
        try:
            await self._runner.check()
        except ClickHouseError as error:
            return PlainTextResponse(f"{error}\n", status_code=503)
        return PlainTextResponse("Ok.\n")

    async def metrics(self, _request: Request) -> Response:
        """The counters, for Prometheus."""
        page = self._meter.render(
            {
                "headrace_clickhouse_admitted": self._runner.admitted,
                "headrace_clickhouse_sessions": len(self._runner.sessions),
            }
        )
        return PlainTextResponse(page)

    async def failed_here(self, _request: Request, error: Exception) -> Response:
        """The reply for a bug of ours; the error itself goes to the log."""
        sentence = f"{type(error).__name__} in the server, see its log"
        unknown = ClickHouseError(errors.UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", sentence)
        return reply.failure(unknown, self._version, _DISPLAY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that carries a statement, or say Ok to one without."""
        request = Request(scope, receive, send)
        if request.method in {"GET", "HEAD"} and "query" not in request.query_params:
            await (await _ok(request))(scope, receive, send)
            return
        query_id = str(uuid.uuid4())
        try:
            incoming = await take_in(request, self._config, self._access, query_id)
        except ClickHouseError as error:
            self._meter.refused(error.code)
            await self._failed(error, query_id)(scope, receive, send)
            return
        await self._run(request, send, incoming)

    async def _run(self, request: Request, send: Send, incoming: Incoming) -> None:
        call, statement = incoming.call, incoming.statement
        started, code, written = time.monotonic(), 0, 0
        try:
            if reply.can_stream(call, statement):
                await send_stream(self._runner, request, send, incoming, self._version, _DISPLAY)
                return
            if statement.insert_format is not None:
                outcome = await self._runner.insert(call, statement, incoming.data)
            else:
                outcome = await self._runner.answer(call, statement, request.is_disconnected)
            written = outcome.written_rows
            response = self._result(request, incoming, outcome)
        except ClickHouseError as error:
            code = error.code
            response = self._failed(error, call.query_id)
        finally:
            seconds = time.monotonic() - started
            self._meter.finished(statement.kind, code, seconds, written)
        await response(request.scope, request.receive, send)

    def _result(self, request: Request, incoming: Incoming, outcome: Outcome) -> Response:
        call, statement = incoming.call, incoming.statement
        form = reply.result_format(call, statement) if outcome.size or statement.answers else None
        accepted = request.headers.get("accept-encoding", "")
        encoding = reply.choose_compression(call, accepted) if outcome.size else None
        headers = reply.result_headers(call, form, encoding) | _DISPLAY
        headers["X-ClickHouse-Summary"] = reply.summary(outcome)
        squeeze = reply.compressor(encoding)
        if outcome.file is not None:
            return StreamingResponse(file_pieces(outcome.file, squeeze), headers=headers)
        return Response(squeeze.compress(outcome.body) + squeeze.flush(), headers=headers)

    def _failed(self, error: ClickHouseError, query_id: str) -> Response:
        headers = {"X-ClickHouse-Query-Id": query_id} | _DISPLAY
        return reply.failure(error, self._version, headers)
