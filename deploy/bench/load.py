"""A load generator lean enough not to be what is measured: keep-alive HTTP/1.1 on raw sockets."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

_OK: Final = 200
_TICK_SECONDS: Final = 0.001


@dataclass(slots=True)
class Outcome:
    """What came back.

    Attributes:
        acknowledged: per request answered with 200, its number and the Unix time of the answer in
            seconds.
        waits: per such request, the seconds from its last byte to the answer.
        refused: number of every other answer and of every lost connection.
        statuses: answers by status; 0 is a lost connection.
        told_when: of the refusals, those with ``Retry-After``.
    """

    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    told_when: int = 0


class _Connection(asyncio.Protocol):
    """One request at a time; asks for the next one as soon as the answer is there.

    Args:
        obeys: after a refusal it waits for as long as ``Retry-After`` says.
    """

    def __init__(
        self,
        next_request: Callable[[], tuple[int, bytes] | None],
        outcome: Outcome,
        *,
        obeys: bool,
    ) -> None:
        self.obeys = obeys
        self._next_request = next_request
        self._outcome = outcome
        self._number = -1
        self._sent_at = 0.0
        self._told_when = 0.0
        self._not_before = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.idle = True
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods without the base class
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser: one header of the answer."""
        if name.lower() == b"retry-after":
            self._told_when = float(value)

    def on_message_complete(self) -> None:
        """Called by the parser: one answer is complete."""
        status, outcome = self._parser.get_status_code(), self._outcome
        outcome.statuses[status] += 1
        if status == _OK:
            outcome.acknowledged.append((self._number, time.time()))
            outcome.waits.append(time.monotonic() - self._sent_at)
        else:
            outcome.refused += 1
            outcome.told_when += self._told_when > 0
            self._not_before = time.monotonic() + self._told_when
        self._told_when = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self.idle = True
        if self.obeys and status != _OK:
            asyncio.get_running_loop().call_later(self._not_before - time.monotonic(), self.advance)
        else:
            self.advance()

    def advance(self) -> None:
        """Send the next request, if there is one now."""
        following = None if self.lost else self._next_request()
        if following is not None and self._transport is not None:
            self._number, request = following
            self.idle = False
            self._sent_at = time.monotonic()
            self._transport.write(request)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self.lost = True
        self._outcome.refused += not self.idle
        self._outcome.statuses[0] += not self.idle
        self.idle = True

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def request_bytes(url: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Build a POST, so that the loop only has to write it."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def flood(
    url: str,
    make: Callable[[int], bytes],
    *,
    connections: int,
    seconds: float = float("inf"),
    total: float = float("inf"),
) -> Outcome:
    """Send as fast as answers come, until the time is over or ``total`` requests are out.

    A connection that is told to come again later does.
    """
    outcome = Outcome()
    deadline = time.monotonic() + seconds
    number = -1

    def next_request() -> tuple[int, bytes] | None:
        nonlocal number
        if number + 1 >= total or time.monotonic() >= deadline:
            return None
        number += 1
        return number, make(number)

    opened = await _open(url, connections, next_request, outcome, obeys=True)
    for connection in opened:
        connection.advance()
    while any(not connection.idle for connection in opened):  # noqa: ASYNC110  one look per ms
        await asyncio.sleep(_TICK_SECONDS)
    _close(opened)
    return outcome


async def steady(
    url: str, make: Callable[[int], bytes], *, rate: float, seconds: float, connections: int
) -> Outcome:
    """Send ``rate`` requests per second, whatever the answers do.

    A request that finds no idle connection waits for one and goes out late, none is left out:
    a slow server is not spared.
    """
    outcome = Outcome()
    due: deque[tuple[int, bytes]] = deque()
    opened = await _open(
        url, connections, lambda: due.popleft() if due else None, outcome, obeys=False
    )
    begin, number, total = time.monotonic(), 0, int(rate * seconds)
    while number < total or due or any(not connection.idle for connection in opened):
        while number < total and time.monotonic() >= begin + number / rate:
            due.append((number, make(number)))
            number += 1
        for connection in opened:
            if due and connection.idle:
                connection.advance()
        if all(connection.lost for connection in opened):
            outcome.refused += len(due) + total - number
            break
        await asyncio.sleep(_TICK_SECONDS)
    _close(opened)
    return outcome


async def _open(
    url: str,
    connections: int,
    next_request: Callable[[], tuple[int, bytes] | None],
    outcome: Outcome,
    *,
    obeys: bool,
) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80

    def connection() -> _Connection:
        return _Connection(next_request, outcome, obeys=obeys)

    return [(await loop.create_connection(connection, host, port))[1] for _ in range(connections)]


def _close(connections: list[_Connection]) -> None:
    for connection in connections:
        connection.close()
