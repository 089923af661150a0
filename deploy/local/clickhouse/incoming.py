"""A request, taken in: who asks, how to run it, which statement, and where its data continues."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.access import Access, User
from deploy.local.clickhouse.body import read_body
from deploy.local.clickhouse.call import Call, form_fields, read_call
from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.statement import Statement, parse

_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request: ``data`` is an INSERT's data in pieces of about 1 MiB, empty for others."""

    call: Call
    statement: Statement
    data: AsyncIterator[bytes]


async def take_in(
    request: Request, config: ClickHouseConfig, access: Access, query_id: str
) -> Incoming:
    """Read a request up to the point where its statement is known.

    Raises ``ClickHouseError``: 516, those of the call, the body and the statement, and 164 for a
    statement that changes something but came by GET or from the read-only user.
    """
    user = access.authenticate(request.headers, request.query_params)
    body = read_body(request, patience=config.receive_timeout, limit=config.max_body_bytes)
    params = request.query_params.multi_items()
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        whole = await _gather(body, config.max_statement_bytes)
        params += form_fields(content_type, whole).items()
        body = _nothing()
    call = read_call(
        user,
        params,
        request.headers,
        query_id=query_id,
        session_timeout_max=config.session_timeout_max,
    )
    statement, begun = await _statement(call, body, config.max_statement_bytes)
    _permit(user, statement, by_get=request.method in {"GET", "HEAD"})
    return Incoming(call, statement, _pieces(begun, body))


async def _statement(call: Call, body: AsyncIterator[bytes], limit: int) -> tuple[Statement, bytes]:
    """The statement, and what was read of its data; the URL's text comes before the body's."""
    text = bytearray(call.query.encode() + b"\n" if call.query else b"")
    attempt_at = 0
    async for piece in body:
        text += piece
        if len(text) >= attempt_at:
            found = parse(bytes(text), complete=False)
            if found is not None:
                return found, bytes(text[found.data_at :])
            attempt_at = 2 * len(text)
        _bound(text, limit)
    found = parse(bytes(text), complete=True)
    if found is None:
        raise ClickHouseError(errors.SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error: no statement")
    return found, bytes(text[found.data_at :]) if found.insert_format else b""


def _permit(user: User, statement: Statement, *, by_get: bool) -> None:
    if user.reads_only and not statement.for_reader:
        raise ClickHouseError(
            errors.READONLY, "READONLY", f"{user.name}: Cannot execute query in readonly mode."
        )
    if by_get and not statement.reads_only:
        raise ClickHouseError(
            errors.READONLY,
            "READONLY",
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies "
            "readonly. You should use method POST for modifying queries.",
        )


def _bound(text: bytearray, limit: int) -> None:
    if len(text) > limit:
        raise ClickHouseError(
            errors.QUERY_IS_TOO_LARGE,
            "QUERY_IS_TOO_LARGE",
            f"The statement is larger than {limit} bytes: send data as an INSERT's data",
        )


async def _gather(body: AsyncIterator[bytes], limit: int) -> bytes:
    text = bytearray()
    async for piece in body:
        text += piece
        _bound(text, limit)
    return bytes(text)


async def _pieces(begun: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    gathered = bytearray(begun)
    async for piece in body:
        gathered += piece
        if len(gathered) >= _PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


async def _nothing() -> AsyncIterator[bytes]:
    for piece in list[bytes]():
        yield piece
