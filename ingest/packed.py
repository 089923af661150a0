"""Bodies that are files to be read in a process apart: Parquet, zip."""

from typing import Final, Protocol

from schemas.errors import Malformed
from schemas.rows import Packed, Unpacked
from schemas.sources import Limits

_UNSUPPORTED: Final = 415


class Unpack(Protocol):
    """Reads such files."""

    async def __call__(self, body: bytes, packed: Packed, limits: Limits) -> Unpacked:
        """Read a file's rows, as many and as large as a request of theirs may be.

        Raises:
            Malformed: what is wrong with it, ``too-many-events`` (413), ``body-too-large`` (413).
            Unavailable: ``overloaded``.
        """


class Unread:
    """Reads none, for an edge without processes of its own."""

    async def __call__(self, body: bytes, packed: Packed, limits: Limits) -> Unpacked:  # noqa: ARG002
        """Refuse it: ``container-unsupported`` (415)."""
        message = "this server reads no Parquet and no zip: send CSV, JSON lines or Avro"
        raise Malformed("container-unsupported", message, status=_UNSUPPORTED)
