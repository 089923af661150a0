"""One request, read: where and how its statement is to run, apart from the statement itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.access import User
from deploy.local.clickhouse.errors import ClickHouseError

# Parameters that belong to the HTTP interface; all others are settings of the statement.
_OF_HTTP: Final = frozenset(
    {"query", "database", "default_format", "user", "password", "query_id", "quota_key", "role"}
    | {"session_id", "session_timeout", "session_check", "wait_end_of_query", "buffer_size"}
    | {"enable_http_compression", "http_zlib_compression_level", "client_protocol_version"}
    | {"send_progress_in_http_headers", "http_headers_progress_interval_ms", "compress"}
    | {"decompress", "cancel_http_readonly_queries_on_client_close", "stacktrace"}
)
_SESSION_TIMEOUT: Final = 60.0
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_FORMAT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_QUERY_ID: Final = re.compile(r"[ -~]{1,256}")
# Names that chDB's Python layer would answer with objects of this process instead of bytes.
_OF_PYTHON: Final = frozenset({"dataframe", "datastore", "arrowtable"})


@dataclass(frozen=True, slots=True)
class Call:
    """How a statement is to run; ``session_timeout`` is in seconds."""

    user: User
    query: str = ""
    query_id: str = ""
    database: str = ""
    default_format: str = "TabSeparated"
    session_id: str = ""
    session_timeout: float = _SESSION_TIMEOUT
    session_check: bool = False
    wait_end: bool = False
    compress: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


def read_call(
    user: User,
    params: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    *,
    query_id: str,
    session_timeout_max: float,
) -> Call:
    """Read the URL parameters and headers of a request.

    Raises ``ClickHouseError`` 48 for native compression, 374 for a session timeout that is not a
    number or above the maximum, 73 for a format's name that is none, 36 for such a setting's name
    or ``query_id``.
    """
    given = dict(params)
    _refuse_native_compression(given)
    return Call(
        user=user,
        query=given.get("query", ""),
        query_id=_query_id(given.get("query_id") or query_id),
        database=given.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=_format(
            given.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated"
        ),
        session_id=given.get("session_id", ""),
        session_timeout=_timeout(given.get("session_timeout"), session_timeout_max),
        session_check=_flag(given, "session_check"),
        wait_end=_flag(given, "wait_end_of_query"),
        compress=_flag(given, "enable_http_compression"),
        settings=_settings(given),
        params={name[6:]: value for name, value in given.items() if name.startswith("param_")},
    )


def _refuse_native_compression(given: Mapping[str, str]) -> None:
    if _flag(given, "compress") or _flag(given, "decompress"):
        raise ClickHouseError(
            errors.NOT_IMPLEMENTED,
            "NOT_IMPLEMENTED",
            "compress=1 and decompress=1 are not supported here: use Accept-Encoding with "
            "enable_http_compression=1, and Content-Encoding",
        )


def _format(name: str) -> str:
    if not _FORMAT.fullmatch(name) or name.lower() in _OF_PYTHON:
        raise ClickHouseError(errors.UNKNOWN_FORMAT, "UNKNOWN_FORMAT", f"Unknown format {name!r}")
    return name


def _query_id(text: str) -> str:
    if not _QUERY_ID.fullmatch(text):
        raise _bad_argument("query_id must be 1 to 256 printable ASCII characters")
    return text


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    names = [name for name in given if name not in _OF_HTTP and not name.startswith("param_")]
    for name in names:
        if not _NAME.fullmatch(name):
            raise _bad_argument(f"{name!r} cannot be a setting's name")
    return {name: given[name] for name in names}


def _bad_argument(sentence: str) -> ClickHouseError:
    return ClickHouseError(errors.BAD_ARGUMENTS, "BAD_ARGUMENTS", sentence)


def _flag(given: Mapping[str, str], name: str) -> bool:
    return given.get(name, "0") not in {"0", "", "false"}


def _timeout(text: str | None, most: float) -> float:
    if text is None:
        return _SESSION_TIMEOUT
    if text.isascii() and text.isdigit() and 0 < int(text) <= most:
        return float(text)
    raise ClickHouseError(
        errors.INVALID_SESSION_TIMEOUT,
        "INVALID_SESSION_TIMEOUT",
        f"session_timeout must be a whole number of seconds from 1 to {most:.0f}, not {text!r}",
    )


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _bad_argument("form fields must be UTF-8") from error


def form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The text fields of a ``multipart/form-data`` body, as clients send long queries.

    Raises ``ClickHouseError`` 48 when a part is a file, which would be an external table.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    fields: dict[str, str] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        if part.get_filename() is not None:
            raise ClickHouseError(
                errors.NOT_IMPLEMENTED,
                "NOT_IMPLEMENTED",
                "External tables are not supported here: insert into a temporary table first",
            )
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            fields[name] = _text(value)
    return fields
