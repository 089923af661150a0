"""HTTP for scripts: to public addresses only, every one of them checked and then connected to.

A name is resolved once per connection. All addresses that it has are checked, the connection goes
to one of those and to no other, so a name that answers differently a moment later (DNS rebinding)
leads nowhere; each redirect begins anew. Proxies of the environment are not used: they would
resolve the name themselves.
"""

import contextlib
import http.client
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from deploy.tasks.addresses import Network
from deploy.tasks.connect import PORTS, Resolve, connected, cut_at, left, origin, resolved
from ingest.inflate import inflate
from schemas.errors import Malformed, Unavailable

MAX_BODY: Final = 8 << 20
MAX_URL: Final = 8_192
MAX_REDIRECTS: Final = 5
_PIECE: Final = 1 << 16
MOVED: Final = frozenset({301, 302, 303, 307, 308})
_AS_IT_WAS: Final = frozenset({307, 308})
_OF_ONE_ORIGIN: Final = frozenset({"accept", "accept-language", "user-agent"})
"""Headers that go along to another origin; any other may be a credential."""
_AGENT: Final = "headrace"

Watch = Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a script's."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case, of a repeated one all values with commas."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    def text(self) -> str:
        """Read the body as text, by its label or as UTF-8; what cannot be read is U+FFFD."""
        label = Message()
        label["content-type"] = self.headers.get("content-type", "")
        charset = str(label.get_param("charset") or "utf-8")
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


def fetch(
    asked: Asked,
    *,
    allowed: Sequence[Network],
    deadline: float,
    resolve: Resolve = resolved,
    watch: Watch = lambda _: None,
) -> Answer:
    """Ask, and follow redirects.

    Args:
        allowed: networks that may be reached although they are not public.
        deadline: of all of it, by :func:`time.monotonic`.
        watch: is given every socket, so that another thread can hang up.

    Raises:
        Malformed: ``address-refused``, ``url-invalid``, ``header-invalid``, ``body-too-large``,
            ``too-many-redirects``.
        Unavailable: ``http-unreachable``, ``http-timeout``, ``http-broken``.
    """
    for _ in range(MAX_REDIRECTS + 1):
        parts = split(asked.url)
        answer = _once(asked, parts, allowed, deadline, resolve, watch)
        onward = answer.headers.get("location", "")
        if answer.status not in MOVED or not onward:
            return answer
        asked = redirected(asked, parts, answer.status, onward)
    raise Malformed("too-many-redirects", f"it redirects more than {MAX_REDIRECTS} times")


def split(url: str) -> SplitResult:
    """Take a URL apart; Malformed ``url-invalid``."""
    try:
        parts = urlsplit(url)
        port = parts.port
        hostname = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise Malformed("url-invalid", f"this is no URL: {error}") from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in PORTS or not hostname or port == 0 or not plain:
        message = "a URL is http(s)://host/path, with what is not ASCII encoded"
        raise Malformed("url-invalid", message)
    if parts.username is not None or parts.password is not None:
        message = "a URL carries no user and password: send an Authorization header"
        raise Malformed("url-invalid", message)
    if len(url) > MAX_URL:
        raise Malformed("url-invalid", f"a URL has at most {MAX_URL} characters")
    return parts


def redirected(asked: Asked, parts: SplitResult, status: int, onward: str) -> Asked:
    """Say what is asked next; Malformed ``redirect-refused``, ``url-invalid``."""
    url = urljoin(asked.url, onward.encode("latin-1", "replace").decode("utf-8", "replace"))
    url = "".join(c if c.isascii() and c.isprintable() and c != " " else _escaped(c) for c in url)
    to = split(url.partition("#")[0])
    if parts.scheme == "https" and to.scheme == "http":
        raise Malformed("redirect-refused", "it redirects from https to http: ask the other URL")
    headers = asked.headers
    if origin(to) != origin(parts):
        headers = {name: value for name, value in headers.items() if name in _OF_ONE_ORIGIN}
    if status in _AS_IT_WAS or asked.method in {"GET", "HEAD"}:
        return Asked(asked.method, to.geturl(), headers, asked.body)
    headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
    return Asked("GET", to.geturl(), headers)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _once(
    asked: Asked,
    parts: SplitResult,
    allowed: Sequence[Network],
    deadline: float,
    resolve: Resolve,
    watch: Watch,
) -> Answer:
    _, host, port = origin(parts)
    connection = http.client.HTTPConnection(host, port)
    with contextlib.closing(connection), worded(parts, deadline):
        connection.sock = connected(parts, allowed, deadline, resolve)
        watch(connection.sock)
        with cut_at(deadline, connection.sock):
            send(connection, asked, parts)
            return _received(connection, asked, deadline)


@contextlib.contextmanager
def worded(parts: SplitResult, deadline: float) -> Iterator[None]:
    """Word what becomes of a connection.

    Raises:
        Malformed: ``header-invalid``.
        Unavailable: ``http-unreachable``, ``http-timeout``, ``http-broken``.
    """
    try:
        yield
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise _failure(error, f"{parts.scheme}://{parts.netloc}", deadline) from error
    except ValueError as error:
        raise Malformed("header-invalid", f"the request cannot be sent: {error}") from error


def _failure(error: Exception, where: str, deadline: float) -> Unavailable:
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return Unavailable("http-timeout", f"{where} does not answer in time")
    why = str(error) or type(error).__name__
    if isinstance(error, http.client.HTTPException):
        return Unavailable("http-broken", f"{where} does not answer whole HTTP: {why}")
    return Unavailable("http-unreachable", f"{where}: {why}")


def send(connection: http.client.HTTPConnection, asked: Asked, parts: SplitResult) -> None:
    """Send a request; ``parts`` are those of its URL."""
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    headers = {"user-agent": _AGENT, "accept": "*/*", "accept-encoding": "gzip", **asked.headers}
    headers["connection"] = "close"
    connection.request(asked.method, target, body=asked.body or None, headers=headers)


def _received(connection: http.client.HTTPConnection, asked: Asked, deadline: float) -> Answer:
    """Read an answer, however slowly it drips, until the deadline and no further than its bound."""
    sock: Any = connection.sock
    sock.settimeout(left(deadline))
    with contextlib.closing(connection.getresponse()) as response:
        body = _whole(response, sock, deadline)
        pairs = response.getheaders()
    headers: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    if headers.pop("content-encoding", "").lower() in {"gzip", "x-gzip"} and body:
        body = inflate(body, "gzip", MAX_BODY)
    return Answer(response.status, asked.url, headers, body)


def _whole(response: http.client.HTTPResponse, sock: Any, deadline: float) -> bytes:
    pieces, size = [], 0
    while True:
        sock.settimeout(left(deadline))
        piece = response.read1(_PIECE)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY:
            raise Malformed("body-too-large", f"an answer has at most {MAX_BODY} bytes")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(pieces)
