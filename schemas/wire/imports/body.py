"""The body of an import over HTTP -> rows."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.reading import MAX_KEYS, parse
from schemas.vendor import Request

_TABLES: Final = {"text/csv": ",", "text/tab-separated-values": "\t"}
_BODY: Final = ("body",)


@dataclass(frozen=True, slots=True)
class Row:
    """A row, or what is wrong with it."""

    value: Any = None
    why: Malformed | None = None


def is_table(request: Request) -> bool:
    """Tell whether every cell is text."""
    return _label(request) in _TABLES


def rows_of(request: Request) -> Iterator[Row]:
    """Read CSV or TSV with a header by the Content-Type, else a JSON array or JSON lines.

    Raises:
        Malformed: missing, json-invalid, list-type, csv-invalid.
    """
    if not request.body.strip():
        raise Malformed("missing", "the body is empty: send rows", where=_BODY)
    delimiter = _TABLES.get(_label(request))
    if delimiter is not None:
        return _table(request.body, delimiter)
    if request.body.lstrip()[:1] == b"[":
        return (Row(value) for value in parse(request.body))
    return _lines(request.body)


def _label(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _lines(body: bytes) -> Iterator[Row]:
    for line in body.split(b"\n"):
        if line.strip():
            try:
                yield Row(codec.loads(line))
            except Malformed as error:
                yield Row(why=error)


def _table(body: bytes, delimiter: str) -> Iterator[Row]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("csv-invalid", "the table is no UTF-8", where=_BODY) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            if not names:
                names = _header(cells)
            elif len(cells) > len(names):
                yield Row(why=Malformed("csv-invalid", "it has more cells than the header"))
            elif cells:
                yield Row({name: cell for name, cell in zip(names, cells, strict=False) if cell})
    except csv.Error as error:
        message = f"line {reader.line_num}: {error}"
        raise Malformed("csv-invalid", message, where=_BODY) from error


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not all(names) or len(set(names)) < len(names) or len(names) > MAX_KEYS:
        message = f"the first line must name every column, each once, {MAX_KEYS} at most"
        raise Malformed("csv-invalid", message, where=_BODY)
    return names
