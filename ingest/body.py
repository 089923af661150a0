"""Request bodies: read within bounds of bytes and time."""

import asyncio
from typing import Any, Final, cast

from ingest.asgi import Message, Receive
from ingest.inflate import inflate, too_large
from schemas.errors import Malformed, Unavailable

_MAX_DIGITS: Final = 18


class ClientGone(Exception):
    """The client closed the connection before its request was complete; nobody to answer."""


class Allowance:
    """Bytes of request bodies that may be held at once.

    Args:
        limit: bytes; at least one request's largest body, or none could ever come in.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, size: int) -> None:
        """Count bytes in.

        Raises:
            Unavailable: ``overloaded``; nothing was counted.
        """
        if size > self._left:
            raise Unavailable("overloaded", "too many bytes are being received: try again")
        self._left -= size

    def give(self, size: int) -> None:
        """Count bytes out."""
        self._left += size


class Deadlines:
    """Ends the reading of bodies that take too long.

    One sweep a second for all of them, in place of a timer for each: a timer costs as much as
    reading and parsing a small event.

    Args:
        seconds: for a whole body, so that a client sending a byte now and then has an end too.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def read(self, receive: Receive, limit: int, allowance: Allowance) -> bytes:
        """Read a body as :func:`read_body` does, but in time.

        Raises:
            Unavailable: also ``body-timeout`` (408).
        """
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._since[task] = asyncio.get_running_loop().time()
        if self._sweep is None:
            self._arm()
        try:
            return await read_body(receive, limit, allowance)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            message = f"the body did not arrive within {self._seconds:g} s: send it again"
            raise Unavailable("body-timeout", message, status=408) from None
        finally:
            del self._since[task]
            self._late.discard(task)

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(min(self._seconds, 1.0), self._end_late)

    def _end_late(self) -> None:
        started_before = asyncio.get_running_loop().time() - self._seconds
        for task, since in self._since.items():  # oldest first
            if since > started_before:
                break
            self._late.add(task)
            task.cancel()
        self._sweep = None
        if self._since:
            self._arm()


def check_length(declared: str, limit: int) -> None:
    """Refuse by the Content-Length header alone, "" being none.

    Raises:
        Malformed: ``body-too-large`` (413), ``length-invalid``.
    """
    if not declared:
        return
    if not declared.isascii() or not declared.isdigit() or len(declared) > _MAX_DIGITS:
        raise Malformed("length-invalid", "Content-Length must be a number of bytes")
    if int(declared) > limit:
        raise too_large(limit)


async def read_body(receive: Receive, limit: int, allowance: Allowance) -> bytes:
    """Read a request's body as it was sent, in one piece or many.

    The bytes stay counted in ``allowance`` when this returns, and are not when it raises.

    Raises:
        ClientGone: see there.
        Malformed: ``body-too-large`` (413).
        Unavailable: ``overloaded``.
    """
    held = 0
    chunks: list[bytes] = []
    more = True
    try:
        while more:
            chunk, more = _chunk(await receive(), limit - held, limit)
            allowance.take(len(chunk))
            held += len(chunk)
            chunks.append(chunk)
    except BaseException:
        allowance.give(held)
        raise
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def open_body(body: bytes, encoding: str, limit: int, allowance: Allowance) -> bytes:
    """Inflate a body that :func:`read_body` counted; the count becomes that of the result.

    Raises:
        Malformed: as :func:`ingest.inflate.inflate`.
        Unavailable: ``overloaded``; then and for every other error the count stays as it was.
    """
    plain = inflate(body, encoding, limit)
    if plain is not body:
        allowance.take(len(plain))
        allowance.give(len(body))
    return plain


def _chunk(message: Message, left: int, limit: int) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise ClientGone
    chunk: bytes = message.get("body", b"")
    if len(chunk) > left:
        raise too_large(limit)
    return chunk, message.get("more_body", False)
