"""The process that reads one file of a stranger's; started by :mod:`deploy.imports.packed`.

Standard input is the file, the arguments are its format, the rows and the bytes that there may
be. Out: a line ``[line, member, value]`` or ``[line, member, null, code, message]`` for each row,
then ``{"of_text": ...}``, or, whatever was said before, ``{"code", "message", "status"}``.
"""

import io
import resource
import sys
from collections.abc import Iterator
from typing import Any, Final

from deploy.imports.kinds import container_for
from deploy.imports.tables import rows
from deploy.imports.unpack import BROKEN, Bounded, Bounds, Counted, parts
from schemas import codec
from schemas.errors import Malformed
from schemas.rows import Row

_MEMORY: Final = 1 << 30
"""Addresses; 290 MB of them are Python's and pyarrow's before a byte is read."""
_SECONDS: Final = 20
_MEMBERS: Final = 100
_TEXT: Final = frozenset({"csv", "tsv"})
_NAME: Final = "body"


def main(format_: str, most: int, inflated: int) -> None:
    """Read the file and say its rows."""
    _lock_down(inflated)
    try:
        body = sys.stdin.buffer.read()
        lines, of_text = said(body, format_, most, inflated)
        end: Any = {"of_text": of_text}
    except Malformed as error:
        lines, end = [], {"code": error.code, "message": error.message, "status": error.status}
    except (MemoryError, OSError) as error:
        lines, end = [], _too_large(type(error).__name__)
    sys.stdout.buffer.writelines(line + b"\n" for line in [*lines, codec.dumps(end)])
    sys.stdout.buffer.flush()


def _lock_down(inflated: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (inflated + 1, inflated + 1))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def said(body: bytes, format_: str, most: int, inflated: int) -> tuple[list[bytes], bool]:
    """Write the rows as lines, and whether every cell of them is text.

    Raises:
        Malformed: what is wrong with the file; ``archive-mixed``; ``too-many-events`` and
            ``body-too-large`` (413).
    """
    lines: list[bytes] = []
    size, kinds = 0, set()
    for file, kind, row in _rows(body, format_, inflated):
        kinds.add(kind in _TEXT)
        if len(kinds) > 1:
            message = "tables of text and typed rows in one zip: send a zip of each"
            raise Malformed("archive-mixed", message)
        lines.append(_line(row, file))
        size += len(lines[-1])
        if len(lines) > most:
            message = f"the event source takes {most} events per request: send fewer rows"
            raise Malformed("too-many-events", message, status=413)
        if size > inflated:
            message = f"its rows have more than {inflated} bytes as JSON: send fewer rows"
            raise Malformed("body-too-large", message, status=413)
    return lines, kinds == {True}


def _rows(body: bytes, format_: str, inflated: int) -> Iterator[tuple[str, str, Row]]:
    raw = Counted(io.BytesIO(body))
    bounds = Bounds(layers=3, zips=1, members=_MEMBERS, held=inflated)
    try:
        for part in parts(_NAME, raw, bounds):
            kind = container_for(format_, part)
            file = part.name.removeprefix(_NAME).removeprefix("!")
            inner: Any = Bounded(part.stream, inflated)
            left = io.BufferedReader(inner)
            for row in rows(kind, left, held=inflated):
                yield file, kind, row
    except BROKEN as error:
        raise Malformed("archive-invalid", f"the file is broken: {error}") from error


def _line(row: Row, file: str) -> bytes:
    if row.why is None:
        try:
            return codec.dumps([row.line, file, row.value])
        except Malformed as error:
            return codec.dumps([row.line, file, None, error.code, error.message])
    return codec.dumps([row.line, file, None, row.why.code, row.why.message])


def _too_large(why: str) -> dict[str, Any]:
    message = f"reading it takes more memory or disk than there is for it ({why}): send fewer rows"
    return {"code": "file-too-large", "message": message, "status": 413}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
