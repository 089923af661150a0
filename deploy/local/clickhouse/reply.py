"""Replies: the headers ClickHouse's clients read, and compressed bodies."""

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from lz4 import frame as lz4  # type: ignore[import-untyped]  # has no type hints
from starlette.responses import Response

from deploy.local.clickhouse.call import Call
from deploy.local.clickhouse.engine_handle import Outcome
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.statement import Statement
from deploy.local.clickhouse.zstandard import zstd

_CONTENT_TYPES: Final = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8; header=present",
    "TSVWithNames": "text/tab-separated-values; charset=UTF-8; header=present",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
}

# Formats whose blocks can simply follow each other.
_STREAMED: Final = frozenset(
    {"Native", "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "CSV", "RowBinary"}
    | {"JSONEachRow", "JSONCompactEachRow"}
)


class Compressor(Protocol):
    """Bytes in, compressed bytes out; ``flush`` ends the body."""

    def compress(self, data: bytes, /) -> bytes:
        """Take ``data`` and return what is ready."""

    def flush(self) -> bytes:
        """End the body and return the rest."""


class Plain:
    """No compression, in the shape of one."""

    def compress(self, data: bytes, /) -> bytes:
        """Return ``data`` as it is."""
        return data

    def flush(self) -> bytes:
        """Return nothing: there is nothing to end."""
        return b""


class _Lz4:
    def __init__(self) -> None:
        self._inner = lz4.LZ4FrameCompressor()
        self._head: bytes = self._inner.begin()

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._inner.compress(data))

    def flush(self) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._inner.flush())


# The cheapest first: these bytes rarely leave the machine.
_COMPRESSORS: Final[dict[str, Callable[[], Compressor]]] = {
    "lz4": _Lz4,
    "zstd": zstd.ZstdCompressor,
    "gzip": lambda: zlib.compressobj(wbits=31, level=3),
    "deflate": lambda: zlib.compressobj(level=3),
}


def result_format(call: Call, statement: Statement) -> str:
    """The format of the answer: the statement's own, else the request's default."""
    return statement.output_format or call.default_format


def can_stream(call: Call, statement: Statement) -> bool:
    """Whether the answer may be sent while it is made.

    ``wait_end_of_query=1`` asks for the opposite: a status that is final.
    """
    blocks_follow = result_format(call, statement) in _STREAMED
    return statement.selects and blocks_follow and not call.wait_end


def choose_compression(call: Call, accepted: str) -> str | None:
    """The encoding for a reply, None for none: only with ``enable_http_compression=1``."""
    if not call.compress:
        return None
    names = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    return next((name for name in _COMPRESSORS if name in names), None)


def compressor(encoding: str | None) -> Compressor:
    """A new compressor for what :func:`choose_compression` returned."""
    return Plain() if encoding is None else _COMPRESSORS[encoding]()


def summary(outcome: Outcome) -> str:
    """``X-ClickHouse-Summary``: JSON with numbers as strings, as servers send it."""
    return json.dumps(
        {
            "read_rows": str(outcome.read_rows),
            "read_bytes": str(outcome.read_bytes),
            "written_rows": str(outcome.written_rows),
            "written_bytes": str(outcome.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(outcome.result_rows),
            "result_bytes": str(outcome.size),
            "elapsed_ns": str(int(outcome.elapsed * 1e9)),
        },
        separators=(",", ":"),
    )


def result_headers(call: Call, form: str | None, encoding: str | None) -> dict[str, str]:
    """The headers of a reply whose body is in format ``form``, None for no result at all."""
    headers = {
        "X-ClickHouse-Query-Id": call.query_id,
        "X-ClickHouse-Timezone": "UTC",
        "Content-Type": _CONTENT_TYPES.get(form or "", "text/plain; charset=UTF-8"),
    }
    if form is not None:
        headers["X-ClickHouse-Format"] = form
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    return headers


def failure(
    error: ClickHouseError, version: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The reply for an error: its text, its number in a header, and the status it maps to."""
    return Response(
        f"{versioned(error, version)}\n",
        status_code=error.status,
        headers={**(headers or {}), "X-ClickHouse-Exception-Code": str(error.code)},
        media_type="text/plain; charset=UTF-8",
    )


def versioned(error: ClickHouseError, version: str) -> str:
    """The error's text with the version at its end, where servers put it."""
    return error.text if "(version " in error.text else f"{error.text} (version {version})"


def late_failure(text: str, tag: str) -> bytes:
    """What is written into a body that was already on its way when the error came.

    The form is the one servers have used since 25.11, announced by ``X-ClickHouse-Exception-Tag``.
    """
    message = text.encode() + b"\n"
    return b"__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (
        tag.encode(),
        message,
        len(message),
        tag.encode(),
    )
