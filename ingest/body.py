"""Request bodies: read within bounds of bytes and time."""

import asyncio
from typing import Any, Final, cast

from ingest.asgi import Receive
from ingest.inflate import inflate, too_large
from schemas.errors import Malformed, Unavailable

_MAX_DIGITS: Final = 18
_BOM: Final = b"\xef\xbb\xbf"
_SWEEP_SECONDS: Final = 1.0


class ClientGone(Exception):
    """The client closed the connection before its request was complete; nobody to answer."""


class Bodies:
    """Reads the bodies of all requests of a process.

    One sweep a second ends what takes too long, in place of a timer for each request: a timer
    costs as much as parsing a small event.

    Args:
        seconds: for one whole body, so that a client sending a byte now and then has an end too.
        held_bytes: of all requests together, until :meth:`release`; at least twice one request's
            largest body, or none of that size could be inflated.
    """

    def __init__(self, seconds: float, held_bytes: int) -> None:
        self._seconds = seconds
        self._left = held_bytes
        self._since: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def read(self, receive: Receive, limit: int) -> bytes:
        """Read a body as it was sent, in one piece or many.

        Its bytes count as held when this returns, and no longer when it raises.

        Raises:
            ClientGone: see there.
            Malformed: ``body-too-large`` (413).
            Unavailable: ``body-timeout`` (408), ``overloaded``.
        """
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._since[task] = asyncio.get_running_loop().time()
        if self._sweep is None:
            self._arm()
        held = 0
        chunks: list[bytes] = []
        more = True
        try:
            while more:
                message = await receive()
                chunk: bytes = message.get("body", b"")
                _check(message["type"], held + len(chunk), limit)
                self.hold(len(chunk))
                held += len(chunk)
                chunks.append(chunk)
                more = message.get("more_body", False)
        except BaseException as error:
            self.release(held)
            self._raise_if_late(task, error)
            raise
        finally:
            del self._since[task]
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def open(self, body: bytes, encoding: str, limit: int) -> bytes:
        """Inflate a body that was read and drop its UTF-8 byte order mark, no part of any format.

        From now on the result's bytes are held in its place.

        Raises:
            Malformed: as :func:`ingest.inflate.inflate`.
            Unavailable: ``overloaded``; then and for every other error nothing changes.
        """
        plain = inflate(body, encoding, limit).removeprefix(_BOM)
        if plain is not body:
            self.hold(len(plain))
            self.release(len(body))
        return plain

    def hold(self, size: int) -> None:
        """Count bytes in.

        Raises:
            Unavailable: ``overloaded``; nothing was counted.
        """
        if size > self._left:
            raise Unavailable("overloaded", "too many bytes are being received: try again")
        self._left -= size

    def release(self, size: int) -> None:
        """Count bytes out."""
        self._left += size

    def _arm(self) -> None:
        seconds = min(self._seconds, _SWEEP_SECONDS)
        self._sweep = asyncio.get_running_loop().call_later(seconds, self._end_late)

    def _end_late(self) -> None:
        latest = asyncio.get_running_loop().time() - self._seconds
        for task, since in self._since.items():  # oldest first
            if since > latest:
                break
            self._late.add(task)
            task.cancel()
        self._sweep = None
        if self._since:
            self._arm()

    def _raise_if_late(self, task: asyncio.Task[Any], error: BaseException) -> None:
        if task not in self._late:
            return
        self._late.discard(task)
        if isinstance(error, asyncio.CancelledError):
            task.uncancel()
            message = f"the body did not arrive within {self._seconds:g} s: send it again"
            raise Unavailable("body-timeout", message, status=408) from None


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


def _check(kind: str, held: int, limit: int) -> None:
    if kind == "http.disconnect":
        raise ClientGone
    if held > limit:
        raise too_large(limit)
