"""A bound on the head of an HTTP request, which the server under the app does not set itself."""

from collections.abc import Mapping
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES: Final = 64 << 10
_SAID: Final = (
    b'{"error":{"code":"head-too-large","message":"send shorter headers or a shorter path"}}'
)
_REFUSAL: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: application/json\r\n"
    b"content-length: %d\r\n"
    b"connection: close\r\n\r\n%b"
) % (len(_SAID), _SAID)


class BoundedHeads(HttpToolsProtocol):
    """Answers 431 to a head that goes on for longer than :data:`MOST_BYTES`, and hangs up.

    Only whole reads are counted, of which the first is free: it may end another request. So
    a head may have one read of the event loop (256 KiB) more.
    """

    _bytes = 0

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        super().data_received(data)
        scope = cast("Mapping[str, object] | None", self.scope)
        # The server begins a scope with a request and names its path when the head is complete.
        if not scope or "path" in scope:
            self._bytes = 0
            return
        self._bytes = self._bytes + len(data) if self._bytes else 1
        if self._bytes > MOST_BYTES and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()
