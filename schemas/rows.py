"""Rows of files, and files that are read in a process apart before their rows are known."""

from dataclasses import dataclass
from typing import Any

from schemas.errors import Malformed


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file.

    Attributes:
        line: where it ends, from 1; its number where a file has no lines; 0 where nobody counts.
        value: what it says; None where it is wrong.
        why: what is wrong with it.
        text: what it was, where it is wrong.
        file: the member of an archive that it is in, "" where there is none.
    """

    line: int = 0
    value: Any = None
    why: Malformed | None = None
    text: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Packed:
    """What a vendor wants to be told of a body that is a Parquet file or a zip.

    Such files can make gigabytes of a few bytes, and one that is wrong can end the process that
    reads it: the edge has it read elsewhere, and gives :class:`Unpacked` as the claim's payload.

    Attributes:
        format: whose export it is, see :data:`schemas.wire.imports.formats.FORMATS`.
    """

    format: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The rows of such a body.

    Attributes:
        of_text: every cell is text.
        size: bytes of the rows as JSON.
    """

    rows: tuple[Row, ...]
    of_text: bool
    size: int
