"""CSV as ``/event/bulk`` takes it (RFC 4180): a header line names the columns."""

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from schemas.errors import Malformed
from schemas.reading import MAX_KEYS
from schemas.vendor import Request
from schemas.wire.rakam.credentials import one_value
from schemas.wire.rakam.element import spelled
from schemas.wire.rakam.names import column

MAX_CELLS: Final = 1_000_000
"""Of one table, each row counting as one more: as many as :data:`schemas.avro.MAX_VALUES`."""
_NO_SEPARATORS: Final = frozenset('"\r\n ')
_BODY: Final = ("body",)


def check(request: Request) -> None:
    """Check the parameters that say how the table is written.

    Raises:
        Malformed: ``csv-invalid``.
    """
    _separator(request)
    if one_value(request, "use_header").lower() in {"false", "0"}:
        raise _invalid("begin the file with a line of column names: without it none is known")


def rows(request: Request) -> Iterator[dict[str, Any]]:
    """Read each row as properties; every cell is text, empty ones too, save for ``_time``.

    Raises:
        Malformed: csv-invalid, name-invalid, too-many-keys or too-many-events (413).
    """
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid("the file is no UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(request), strict=True)
    names: list[str] | None = None
    left = MAX_CELLS
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _invalid(f"line {reader.line_num}: {error}") from error
        if cells is None:
            return
        left -= len(cells) + 1
        if left < 0:
            raise Malformed(
                "too-many-events", f"send at most {MAX_CELLS} cells per table", status=413
            )
        if names is None:
            names = _header(cells)
        elif len(cells) > len(names):
            raise _invalid(
                f"line {reader.line_num}: Table has {len(names)} columns but csv file has more "
                f"than {len(names)} columns"
            )
        elif cells:
            yield spelled(dict(zip(names, cells, strict=False)))


def _header(cells: list[str]) -> list[str]:
    if len(cells) > MAX_KEYS:
        raise Malformed("too-many-keys", f"give a table at most {MAX_KEYS} columns", where=_BODY)
    return [column(cell) for cell in cells]


def _separator(request: Request) -> str:
    given = request.query.get("column_separator")
    if not given:
        return ","
    if len(given[-1]) != 1 or given[-1] in _NO_SEPARATORS:
        raise _invalid("Invalid column separator")
    return given[-1]


def _invalid(message: str) -> Malformed:
    return Malformed("csv-invalid", message, where=_BODY)
