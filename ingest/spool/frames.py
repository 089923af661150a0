"""Packed records as frames of a file, each told from a torn write by length and checksum; pure.

A file is :data:`MAGIC` and frames. A frame is a mark (one byte: waiting or drained), a CRC-32, a
length, and so many bytes that the checksum covers together with the length: when it was spooled
(Unix ms), partition, topic, value. The mark is outside the checksum, so that a frame is drained by
overwriting one byte in its place.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MAGIC: Final = b"HRSPOOL1"
WAITING: Final = b"\x00"
DRAINED: Final = b"\x01"
_HEAD: Final = struct.Struct(">cI")
_LENGTH: Final = struct.Struct(">I")
_BODY: Final = struct.Struct(">QIH")
HEAD_BYTES: Final = _HEAD.size + _LENGTH.size

Lane = tuple[str, int]
"""Topic and partition."""


class Frame(NamedTuple):
    """A sound frame, and where it is in what was read.

    Attributes:
        start, end: of the whole frame; the mark is the byte at ``start``.
        at: Unix ms.
        value_at: start of the value, which ends with the frame.
    """

    start: int
    end: int
    waiting: bool
    at: int
    lane: Lane
    value_at: int

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.end - self.start


@dataclass(slots=True)
class Contents:
    """What waits, by lane: number of frames and their bytes.

    Attributes:
        oldest: when the oldest one was spooled, Unix ms; None when nothing waits.
    """

    lanes: dict[Lane, tuple[int, int]] = field(default_factory=dict)
    oldest: int | None = None

    def add(self, lane: Lane, frames: int, size: int) -> None:
        """Count frames, or with numbers below 0 take them away again."""
        known, known_bytes = self.lanes.get(lane, (0, 0))
        if known + frames:
            self.lanes[lane] = (known + frames, known_bytes + size)
        else:
            del self.lanes[lane]
            self.oldest = self.oldest if self.lanes else None

    def note(self, frame: Frame) -> None:
        """Count one frame that was found."""
        self.add(frame.lane, 1, frame.size)
        self.oldest = frame.at if self.oldest is None else min(self.oldest, frame.at)

    def merge(self, other: "Contents") -> None:
        """Count everything that ``other`` has."""
        for lane, (frames, size) in other.lanes.items():
            self.add(lane, frames, size)
        ages = [at for at in (self.oldest, other.oldest) if at is not None]
        self.oldest = min(ages, default=None)


def encode(lane: Lane, value: bytes, at: int) -> bytes:
    """Make the frame of one record; ``at`` is Unix ms."""
    topic, partition = lane
    name = topic.encode()
    length = _LENGTH.pack(_BODY.size + len(name) + len(value))
    body = _BODY.pack(at, partition, len(name)) + name
    crc = zlib.crc32(value, zlib.crc32(body, zlib.crc32(length)))
    return b"".join((_HEAD.pack(WAITING, crc), length, body, value))


def sound_frames(view: bytes | memoryview, start: int = 0) -> Iterator[Frame]:
    """Yield the frames from ``start`` up to the first byte that is not part of a sound one."""
    at = start
    while at + HEAD_BYTES + _BODY.size <= len(view):
        mark, crc = _HEAD.unpack_from(view, at)
        end = at + wanted_bytes(view, at)
        if end > len(view) or end < at + HEAD_BYTES + _BODY.size:
            return
        if zlib.crc32(view[at + _HEAD.size : end]) != crc:
            return
        spooled_at, partition, name_bytes = _BODY.unpack_from(view, at + HEAD_BYTES)
        name_at = at + HEAD_BYTES + _BODY.size
        value_at = name_at + name_bytes
        topic = bytes(view[name_at:value_at]).decode()
        yield Frame(at, end, mark != DRAINED, spooled_at, (topic, partition), value_at)
        at = end


def wanted_bytes(view: bytes | memoryview, at: int) -> int:
    """Tell how long the frame at ``at`` says it is; its first ``HEAD_BYTES`` must be there."""
    length: int = _LENGTH.unpack_from(view, at + _HEAD.size)[0]
    return HEAD_BYTES + length
