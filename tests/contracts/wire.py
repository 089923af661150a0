"""The few bytes of Kafka's protocol that tests write themselves: length prefix, header, probe."""

import contextlib
import socket
import struct
import time
from collections.abc import Callable

API_VERSIONS = 18
_PROBE_SECONDS = 1.0
_POLL_SECONDS = 0.05


def request(api: int, version: int, correlation: int, body: bytes = b"") -> bytes:
    """Return a framed request with header v1 and client id `test`."""
    payload = struct.pack(">hhih4s", api, version, correlation, 4, b"test") + body
    return struct.pack(">i", len(payload)) + payload


def read_frame(connection: socket.socket) -> bytes | None:
    """Return the next response without its length prefix, or None when the peer hung up."""
    prefix = _read(connection, 4)
    if prefix is None:
        return None
    return _read(connection, struct.unpack(">i", prefix)[0])


def _read(connection: socket.socket, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        try:
            part = connection.recv(size - len(data))
        except ConnectionResetError:
            return None
        if not part:
            return None
        data += part
    return bytes(data)


def connect(address: str, seconds: float = _PROBE_SECONDS) -> socket.socket:
    """Open a plain connection to `host:port` whose reads and writes end after `seconds`."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=seconds)


def answers(address: str) -> bool:
    """Return whether a broker at `host:port` answers ApiVersions v0 without an error."""
    with contextlib.suppress(OSError), connect(address) as connection:
        connection.sendall(request(API_VERSIONS, 0, 7))
        frame = read_frame(connection)
        return frame is not None and frame[:6] == struct.pack(">ih", 7, 0)
    return False


def wait_until_answers(address: str, alive: Callable[[], bool], seconds: float) -> bool:
    """Wait until the broker answers; False when `seconds` passed or `alive` turned False."""
    deadline = time.monotonic() + seconds
    while not answers(address):
        if time.monotonic() > deadline or not alive():
            return False
        time.sleep(_POLL_SECONDS)
    return True
