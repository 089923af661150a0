"""Files over HTTP, read on as they are needed: as :mod:`deploy.tasks.fetch`, and of any size."""

import http.client
import socket
import time
import urllib.request
from collections.abc import Callable, Sequence
from email.message import Message
from typing import Final
from urllib.parse import SplitResult

from deploy.imports.places import refusal
from deploy.tasks.addresses import Network
from deploy.tasks.connect import Resolve, connected, origin, resolved
from deploy.tasks.fetch import (
    MAX_REDIRECTS,
    MOVED,
    Asked,
    Watch,
    redirected,
    send,
    split,
    worded,
)
from schemas.errors import Malformed

SILENT_SECONDS: Final = 60.0
"""Without a byte after which a server is given up."""
_GOOD: Final = range(200, 300)


class Body:
    """An answer's body.

    Attributes:
        headers: of the answer.
    """

    def __init__(
        self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection
    ) -> None:
        self._response = response
        self._connection = connection
        self.headers: Message = response.headers

    def read(self, size: int = -1, /) -> bytes:
        """Read on; OSError and HTTPException as the connection has it."""
        return self._response.read() if size < 0 else self._response.read(size)

    def close(self) -> None:
        """Hang up."""
        self._response.close()
        self._connection.close()


class Opener:
    """Opens requests to addresses that may be reached.

    Args:
        allowed: networks that may be reached although they are not public.
        watch: is given every socket, so that another thread can hang up.
    """

    def __init__(
        self, allowed: Sequence[Network], watch: Watch, resolve: Resolve = resolved
    ) -> None:
        self._allowed = allowed
        self._watch = watch
        self._resolve = resolve

    def __call__(self, request: urllib.request.Request) -> Body:
        """Ask, and follow redirects.

        Raises:
            Malformed: as :func:`deploy.tasks.fetch.fetch`; ``file-missing``.
            Unavailable: likewise; ``file-unreadable``.
        """
        headers = {name.lower(): value for name, value in request.header_items()}
        # what is compressed is unpacked as the file that it is, where that is bounded
        asked = Asked("GET", request.full_url, {**headers, "accept-encoding": "identity"})
        for _ in range(MAX_REDIRECTS + 1):
            parts = split(asked.url)
            body, status, reason = self._once(asked, parts)
            onward = body.headers.get("location", "")
            if status in _GOOD:
                return body
            body.close()
            if status not in MOVED or not onward:
                raise refusal(asked.url, status, reason)
            asked = redirected(asked, parts, status, onward)
        raise Malformed("too-many-redirects", f"it redirects more than {MAX_REDIRECTS} times")

    def _once(self, asked: Asked, parts: SplitResult) -> tuple[Body, int, str]:
        _, host, port = origin(parts)
        deadline = time.monotonic() + SILENT_SECONDS
        connection = http.client.HTTPConnection(host, port)
        try:
            with worded(parts, deadline):
                sock: socket.socket = connected(parts, self._allowed, deadline, self._resolve)
                connection.sock = sock
                self._watch(sock)
                sock.settimeout(SILENT_SECONDS)
                send(connection, asked, parts)
                response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        return Body(response, connection), response.status, response.reason


Open = Callable[[urllib.request.Request], Body]
