"""Reading the parts of Kafka's protocol that are unpacked by hand.

Every other message is read and written by kafka-python's classes; Produce and Fetch carry nearly
all bytes, so their frames are walked here without copying the records.
Types: https://kafka.apache.org/protocol#protocol_types
"""

import struct
from dataclasses import dataclass

from .errors import BadFrameError

INT8 = struct.Struct(">b")
INT16 = struct.Struct(">h")
INT32 = struct.Struct(">i")
INT64 = struct.Struct(">q")

Buffers = list[bytes | bytearray | memoryview]


class Reader:
    """A cursor over one request; every read past the end raises `BadFrameError`."""

    __slots__ = ("_at", "_view")

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    def _number(self, kind: struct.Struct) -> int:
        try:
            (value,) = kind.unpack_from(self._view, self._at)
        except struct.error as error:
            raise BadFrameError("the request ends inside a number") from error
        self._at += kind.size
        return int(value)

    def int8(self) -> int:
        """Read one signed byte."""
        return self._number(INT8)

    def int16(self) -> int:
        """Read a signed 16-bit integer."""
        return self._number(INT16)

    def int32(self) -> int:
        """Read a signed 32-bit integer."""
        return self._number(INT32)

    def int64(self) -> int:
        """Read a signed 64-bit integer."""
        return self._number(INT64)

    def array(self) -> int:
        """Read the length of an array; the null array counts as empty."""
        count = self.int32()
        # Every element of every array takes at least one byte, so a count beyond what is left
        # is a lie that would otherwise cost a long loop.
        if count > len(self._view) - self._at:
            raise BadFrameError("an array claims more elements than the request has bytes")
        return max(count, 0)

    def take(self, size: int) -> memoryview:
        """Read `size` bytes as a view into the request."""
        end = self._at + size
        if size < 0 or end > len(self._view):
            raise BadFrameError("the request ends inside a field")
        taken = self._view[self._at : end]
        self._at = end
        return taken

    def nullable_string(self) -> str | None:
        """Read a string; None for the null string."""
        size = self.int16()
        if size == -1:
            return None
        try:
            return str(self.take(size), "utf-8")
        except UnicodeDecodeError as error:
            raise BadFrameError("a string is not UTF-8") from error

    def string(self) -> str:
        """Read a string that must not be null."""
        value = self.nullable_string()
        if value is None:
            raise BadFrameError("a string that must be given is null")
        return value

    def nullable_bytes(self) -> memoryview | None:
        """Read bytes; None for the null value."""
        size = self.int32()
        return None if size == -1 else self.take(size)

    def rest(self) -> memoryview:
        """Return what has not been read."""
        return self._view[self._at :]


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """What stands in front of every request (request header version 1)."""

    api_key: int
    version: int
    correlation_id: int
    client_id: str


def read_request(frame: memoryview) -> tuple[RequestHeader, memoryview]:
    """Split a frame (without its length) into header and body; raises `BadFrameError`."""
    reader = Reader(frame)
    header = RequestHeader(
        api_key=reader.int16(),
        version=reader.int16(),
        correlation_id=reader.int32(),
        client_id=reader.nullable_string() or "",
    )
    return header, reader.rest()


def framed(correlation_id: int, body: Buffers) -> Buffers:
    """Put length and response header (version 0, as for all non-flexible answers) in front."""
    size = 4 + sum(map(len, body))
    return [struct.pack(">ii", size, correlation_id), *body]


def pack_string(text: str) -> bytes:
    """Encode a string that is not null."""
    raw = text.encode()
    return INT16.pack(len(raw)) + raw
