"""Connections to addresses that were checked, within a time that counts looking up the name."""

import contextlib
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final
from urllib.parse import SplitResult

from deploy.tasks.addresses import Network, permit

PORTS: Final = {"http": 80, "https": 443}
_CONNECT_SECONDS: Final = 10.0

Resolve = Callable[[str, int], Sequence[str]]


def resolved(host: str, port: int) -> Sequence[str]:
    """Find all addresses of a host, as the system knows them, for as long as that takes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def origin(parts: SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port of a URL."""
    return parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme]


def connected(
    parts: SplitResult, allowed: Sequence[Network], deadline: float, resolve: Resolve
) -> socket.socket:
    """Connect to one of the addresses of a URL's host, all of which may be reached.

    Raises:
        OSError, TimeoutError: it cannot be reached, or not in time.
        Malformed: ``address-refused``.
    """
    _, host, port = origin(parts)
    addresses = list(dict.fromkeys(_in_time(resolve, host, port, deadline)))
    for address in addresses:
        permit(address, allowed)
    failure: OSError = OSError("the name has no address")
    for address in addresses:
        try:
            plain = socket.create_connection((address, port), timeout=_some(deadline))
        except OSError as error:
            failure = error
            continue
        if parts.scheme != "https":
            return plain
        try:
            return _tls().wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    raise failure


def _in_time(resolve: Resolve, host: str, port: int, deadline: float) -> Sequence[str]:
    """Look a name up; the system's resolver knows no deadline, so it is left behind at ours."""
    told: queue.SimpleQueue[Sequence[str] | BaseException] = queue.SimpleQueue()

    def look() -> None:
        try:
            told.put(resolve(host, port))
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for it
            told.put(error)

    threading.Thread(target=look, daemon=True, name="resolve").start()
    try:
        found = told.get(timeout=_some(deadline))
    except queue.Empty as error:
        raise TimeoutError(f"the name {host} is not found in time") from error
    if isinstance(found, BaseException):
        raise found
    return found


def _some(deadline: float) -> float:
    return min(_CONNECT_SECONDS, left(deadline))


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def hang_up(sock: socket.socket) -> None:
    """End a connection under whoever reads from it; nothing where it has ended."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cut_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """Hang up at the deadline: a time-out counts from byte to byte, and they may drip."""
    timer = threading.Timer(left(deadline), hang_up, (sock,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def left(deadline: float) -> float:
    """Seconds until a deadline by :func:`time.monotonic`; TimeoutError when it is past."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
