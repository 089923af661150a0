"""One client connection: frames in, answers out, in the order of the requests.

A request that has to wait (a join, a long poll) holds the next one back, as in Kafka. Produce does
not: while its records are being synced the next batch is already appended, and shares a sync.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from .dispatch import dispatch
from .errors import BadFrameError, HangUpError
from .state import BrokerState, Call, Pending
from .wire import Buffers, framed, read_request

_LENGTH_BYTES = 4
_READ_AHEAD_BYTES = 256 * 1024
_MAX_UNANSWERED = 64
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Slot:
    """The place of one answer in the row; `pending` until it is known."""

    correlation_id: int
    pending: Pending | None = None
    answer: Buffers | None = None


class Connection(asyncio.Protocol):
    """The server's end of one connection."""

    def __init__(self, state: BrokerState, closed: Callable[["Connection"], None]) -> None:
        """`closed` is called once the connection is gone."""
        self._state = state
        self._closed = closed
        self._buffer = bytearray()
        self._slots: deque[_Slot] = deque()
        self._holding: _Slot | None = None
        self._write_full = False
        self._reading = True
        self._transport: asyncio.Transport | None = None
        self._client_host = self._local_host = ""

    # -- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over a new connection."""
        # Not checked: uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._client_host = _host(transport.get_extra_info("peername"))
        self._local_host = _host(transport.get_extra_info("sockname"))

    def data_received(self, data: bytes) -> None:
        """Take in bytes and answer what has become complete."""
        self._state.metrics.bytes_in += len(data)
        self._buffer += data
        self._proceed()

    def pause_writing(self) -> None:
        """Stop answering: the client does not read what it asked for."""
        self._write_full = True

    def resume_writing(self) -> None:
        """Go on answering."""
        self._write_full = False
        self._proceed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything that was still to be answered."""
        del exc
        self._transport = None
        slots, self._slots = self._slots, deque()
        for slot in slots:
            if slot.pending is not None and slot.pending.abandon is not None:
                slot.pending.abandon()
        self._buffer.clear()
        self._closed(self)

    def close(self) -> None:
        """Close after what has been answered is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- requests ------------------------------------------------------------------------------

    def _proceed(self) -> None:
        try:
            while self._may_proceed():
                frame = self._next_frame()
                if frame is None:
                    break
                self._serve(frame)
            self._release_parked()
        except HangUpError as reason:
            if isinstance(reason, BadFrameError):
                self._state.metrics.bad_frames += 1
            _log.info("closing the connection from %s: %s", self._client_host, reason)
            self.close()
        except Exception:  # noqa: BLE001 - see below
            # Whatever a request did, it must not take the broker with it; closing is the one
            # answer that every client understands.
            self._state.metrics.crashes += 1
            _log.exception("a request from %s failed", self._client_host)
            self.close()
        self._throttle()

    def _may_proceed(self) -> bool:
        return (
            self._holding is None
            and not self._write_full
            and len(self._slots) < _MAX_UNANSWERED
            and self._transport is not None
            and not self._transport.is_closing()
        )

    def _frame_size(self) -> int | None:
        """Return the size of the next frame if it is complete; raises `BadFrameError`."""
        if len(self._buffer) < _LENGTH_BYTES:
            return None
        (size,) = struct.unpack_from(">i", self._buffer)
        if not 0 <= size <= self._state.config.max_request_bytes:
            raise BadFrameError(
                f"a request of {size} bytes; the limit is {self._state.config.max_request_bytes}"
            )
        return size if len(self._buffer) >= _LENGTH_BYTES + size else None

    def _next_frame(self) -> memoryview | None:
        size = self._frame_size()
        if size is None:
            return None
        end = _LENGTH_BYTES + size
        with memoryview(self._buffer) as view:
            frame = bytes(view[_LENGTH_BYTES:end])
        del self._buffer[:end]
        return memoryview(frame)

    def _serve(self, frame: memoryview) -> None:
        header, body = read_request(frame)
        outcome = dispatch(self._state, Call(header, body, self._client_host, self._local_host))
        if outcome is None:
            return
        slot = _Slot(header.correlation_id)
        self._slots.append(slot)
        outcome = self._delayed(header.api_key, outcome)
        if isinstance(outcome, Pending):
            slot.pending = outcome
            if outcome.holds:
                self._holding = slot
            outcome.future.add_done_callback(lambda _: self._answered(slot))
        else:
            slot.answer = outcome
            self._send_answers()

    def _delayed(self, api_key: int, outcome: Buffers | Pending) -> Buffers | Pending:
        seconds = self._state.faults.delay_seconds.get(api_key)
        if seconds is None:
            return outcome

        async def later() -> Buffers | None:
            await asyncio.sleep(seconds)
            return await outcome.future if isinstance(outcome, Pending) else outcome

        return Pending(self._state.run(later()))

    def _release_parked(self) -> None:
        """End a long poll as soon as the same client wants something else."""
        pending = self._holding.pending if self._holding is not None else None
        if pending is not None and pending.release and self._frame_size() is not None:
            pending.release()

    # -- answers -------------------------------------------------------------------------------

    def _answered(self, slot: _Slot) -> None:
        if self._transport is None or slot.pending is None:
            return
        future = slot.pending.future
        if future.cancelled():
            self.close()
            return
        error = future.exception()
        if error is not None:
            self._state.metrics.crashes += 1
            _log.error("a request from %s failed", self._client_host, exc_info=error)
            self.close()
            return
        slot.answer, slot.pending = future.result(), None
        if self._holding is slot:
            self._holding = None
        self._send_answers()
        self._proceed()

    def _send_answers(self) -> None:
        while self._slots and self._slots[0].pending is None:
            slot = self._slots.popleft()
            if slot.answer is not None and self._transport is not None:
                out = framed(slot.correlation_id, slot.answer)
                self._state.metrics.bytes_out += sum(map(len, out))
                self._transport.writelines(out)

    def _throttle(self) -> None:
        """Stop reading while the next requests would only pile up here."""
        if self._transport is None or self._transport.is_closing():
            return
        want = self._may_proceed() or len(self._buffer) < _READ_AHEAD_BYTES
        if want and not self._reading:
            self._transport.resume_reading()
        elif self._reading and not want:
            self._transport.pause_reading()
        self._reading = want


def _host(address: tuple[str, int] | None) -> str:
    """Return the host of a socket address; a client that is gone already has none."""
    return address[0] if address else ""
