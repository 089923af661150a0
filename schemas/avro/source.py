"""The bytes of an Avro file, read once and never beyond their end."""

from typing import Final

from schemas.errors import Malformed

_LONGEST_VARINT: Final = 10


def invalid(message: str) -> Malformed:
    """Word what is wrong with a file."""
    return Malformed("avro-invalid", message, where=("body",))


class Source:
    """Bytes that are read once, and how many values may be made of them.

    Args:
        left: values.
    """

    __slots__ = ("_at", "_data", "left")

    def __init__(self, data: bytes, left: int) -> None:
        self._data = data
        self._at = 0
        self.left = left

    @property
    def at_end(self) -> bool:
        """Whether every byte was read."""
        return self._at >= len(self._data)

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._at

    def spend(self) -> None:
        """Count a value, which may have no bytes at all; Malformed when there are too many."""
        self.left -= 1
        if self.left < 0:
            raise Malformed("too-many-events", "the file has too many values", status=413)

    def take(self, size: int) -> bytes:
        """Read ``size`` bytes; Malformed when there are not so many."""
        start = self._at
        self._at += size
        if size < 0 or self._at > len(self._data):
            raise invalid("the file ends in the middle of a value")
        return self._data[start : self._at]

    def long(self) -> int:
        """Read a zig-zag variable-length integer of at most 64 bits."""
        number = 0
        for shift in range(0, _LONGEST_VARINT * 7, 7):
            if self._at >= len(self._data):
                break
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the bit that says "more follows"
                number &= (1 << 64) - 1
                return number >> 1 ^ -(number & 1)
        raise invalid("an integer does not end")

    def text(self) -> str:
        """Read a string."""
        try:
            return self.take(self.long()).decode()
        except UnicodeDecodeError as error:
            raise invalid("a string is no UTF-8") from error
