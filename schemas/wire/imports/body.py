"""The body of an import over HTTP -> rows."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from schemas import avro, codec
from schemas.errors import Malformed
from schemas.reading import MAX_KEYS, parse
from schemas.rows import Row
from schemas.sources import Source
from schemas.vendor import Request

_TABLES: Final = {"text/csv": ",", "text/tab-separated-values": "\t"}
AVRO: Final = "application/avro"
PARQUET: Final = "application/vnd.apache.parquet"
ZIP: Final = "application/zip"
_FIRST_BYTES: Final = {
    PARQUET: (b"PAR1", "parquet-invalid", "the body is no Parquet file"),
    ZIP: (b"PK", "archive-invalid", "the body is no zip"),
}
HEADLESS: Final = "snowplow"
"""The format whose tables have no header: enriched events."""
_BODY: Final = ("body",)


def is_packed(request: Request) -> bool:
    """Tell whether it is a Parquet file or a zip, by its first bytes: clients label few of them.

    Raises:
        Malformed: ``parquet-invalid``, ``archive-invalid``: it is labelled so, and is none.
    """
    label = _label(request)
    said = _FIRST_BYTES.get(label)
    if said is not None and not request.body.startswith(said[0]):
        raise Malformed(said[1], said[2], where=_BODY)
    known = said is not None or label not in _TABLES
    return known and request.body.startswith((b"PAR1", b"PK\x03\x04", b"PK\x05\x06"))


def is_table(request: Request) -> bool:
    """Tell whether every cell is text."""
    return _label(request) in _TABLES


def rows_of(request: Request, source: Source, name: str) -> Iterator[Row]:
    """Read CSV, TSV or Avro by the Content-Type, else a JSON array or JSON lines.

    Args:
        name: of the format.

    Raises:
        Malformed: missing, json-invalid, list-type, csv-invalid, avro-invalid.
    """
    if not request.body.strip():
        raise Malformed("missing", "the body is empty: send rows", where=_BODY)
    delimiter = _TABLES.get(_label(request))
    if delimiter is not None:
        return _table(request.body, delimiter, headless=name == HEADLESS)
    if _label(request) == AVRO:
        limits = source.limits
        most, inflated = limits.events_per_request, limits.body_bytes
        return (
            Row(value=value) for value in avro.records(request.body, most=most, inflated=inflated)
        )
    if request.body.lstrip()[:1] == b"[":
        return (Row(value=value) for value in parse(request.body))
    return _lines(request.body)


def _label(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _lines(body: bytes) -> Iterator[Row]:
    for line in body.split(b"\n"):
        if line.strip():
            try:
                yield Row(value=codec.loads(line))
            except Malformed as error:
                yield Row(why=error)


def _table(body: bytes, delimiter: str, *, headless: bool) -> Iterator[Row]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("csv-invalid", "the table is no UTF-8", where=_BODY) from error
    if headless:
        # by no other character that ends a line to Unicode: texts of people hold them
        lines = (line.removesuffix("\r") for line in text.split("\n"))
        yield from (Row(value=line.split(delimiter)) for line in lines if line)
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            if not names:
                names = _header(cells)
            elif len(cells) > len(names):
                yield Row(why=Malformed("csv-invalid", "it has more cells than the header"))
            elif cells:
                yield Row(
                    value={name: cell for name, cell in zip(names, cells, strict=False) if cell}
                )
    except csv.Error as error:
        message = f"line {reader.line_num}: {error}"
        raise Malformed("csv-invalid", message, where=_BODY) from error


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not all(names) or len(set(names)) < len(names) or len(names) > MAX_KEYS:
        message = f"the first line must name every column, each once, {MAX_KEYS} at most"
        raise Malformed("csv-invalid", message, where=_BODY)
    return names
