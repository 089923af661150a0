"""Plain bytes -> rows with their line numbers, one at a time, whatever the file's size."""

import csv
import io
import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from deploy.imports import binary
from schemas import codec
from schemas.errors import Malformed
from schemas.reading import MAX_KEYS, bound
from schemas.rows import Row
from schemas.topics import MAX_EVENT_BYTES

CONTAINERS: Final = ("csv", "tsv", "json", "ndjson", "avro", "parquet")
MAX_LINE: Final = 4 * MAX_EVENT_BYTES
"""Bytes of one line or JSON value; a row that is stored may have a quarter of it."""
_CHUNK: Final = 1 << 16
_DELIMITERS: Final = (",", "\t", ";", "|")
_BLANKS: Final = " \t\r\n\ufeff"
_ENDINGS: Final = {
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "json": "json",
    "jsonl": "ndjson",
    "ndjson": "ndjson",
    "avro": "avro",
    "parquet": "parquet",
}


def container_of(name: str, stream: io.BufferedReader) -> str:
    """Tell what kind of file it is, by its first bytes and its name.

    Raises:
        Malformed: ``container-unknown``.
    """
    head = stream.peek(_CHUNK)[:_CHUNK]
    if head.startswith(binary.AVRO):
        return "avro"
    if head.startswith(binary.PARQUET):
        return "parquet"
    ending = _ENDINGS.get(name.rpartition(".")[2].lower(), "")
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if ending in {"csv", "tsv"}:
        return ending
    if first in {b"{", b"["}:
        return _kind_of_json(head, first)
    if ending in {"json", "ndjson"} or not first:
        return "ndjson"
    message = f"{name}: say what it is: --as {'|'.join(CONTAINERS)}"
    raise Malformed("container-unknown", message)


def _kind_of_json(head: bytes, first: bytes) -> str:
    """Tell lines from values that span them."""
    line = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0]
    if first == b"[":
        return "json"
    try:
        codec.loads(line)
    except Malformed:
        return "json" if b"\n" in head.strip() else "ndjson"
    return "ndjson"


def rows(container: str, stream: io.BufferedReader, *, held: int | None = None) -> Iterator[Row]:
    """Read rows; one that is wrong is told and the next follows, as far as the file allows.

    Args:
        held: bytes that Parquet may have on disk; None for any number.

    Raises:
        Malformed: the file as a whole is wrong: csv-invalid, json-invalid, avro-invalid,
            parquet-invalid, parquet-unsupported and the like.
    """
    if container == "csv":
        return _table(stream, None)
    if container == "tsv":
        return _table(stream, "\t")
    if container == "avro":
        return _numbered(binary.avro_rows(stream))
    if container == "parquet":
        return _numbered(binary.parquet_rows(stream, held=held))
    if container == "json":
        return _values(stream)
    return _lines(stream, cells=container == "cells")


def _numbered(values: Iterator[Any]) -> Iterator[Row]:
    for number, value in enumerate(values, 1):
        yield Row(number, value)


def _lines(stream: io.BufferedReader, *, cells: bool) -> Iterator[Row]:
    """Read JSON lines, or lines of cells between tabs that nothing quotes."""
    for number, line in enumerate(iter(partial(stream.readline, MAX_LINE), b""), 1):
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            text = line[:1000].decode("utf-8", "replace")
            _skip_line(stream)
            yield Row(number, why=_too_long(), text=text)
        elif line.strip():
            yield _cells(number, line) if cells else _line(number, line)


def _skip_line(stream: io.BufferedReader) -> None:
    while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def _line(number: int, line: bytes) -> Row:
    try:
        return Row(number, codec.loads(line))
    except Malformed as error:
        return Row(number, why=error, text=line.decode("utf-8", "replace").rstrip("\r\n"))


def _cells(number: int, line: bytes) -> Row:
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    return Row(number, text.split("\t"))


def _table(stream: io.BufferedReader, delimiter: str | None) -> Iterator[Row]:
    """Read a table with a header (RFC 4180); its cells stay text, empty ones are left out."""
    head = stream.peek(_CHUNK)[:_CHUNK].removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    first = head.decode("utf-8", "replace")
    chosen = delimiter or max(_DELIMITERS, key=first.count)
    text = io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
    csv.field_size_limit(MAX_LINE)
    reader = csv.reader(text, delimiter=chosen, strict=True)
    names: list[str] = []
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(reader.line_num, why=Malformed("csv-invalid", str(error)))
            continue
        if cells is None:
            text.detach()
            return
        if not names:
            names = _header(cells)
        elif cells:
            yield _row(names, cells, reader.line_num, chosen)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not all(names) or len(set(names)) < len(names):
        message = "the first line must name every column, each once"
        raise Malformed("csv-invalid", message)
    if len(names) > MAX_KEYS:
        raise Malformed("csv-invalid", f"a table has at most {MAX_KEYS} columns")
    return names


def _row(names: list[str], cells: list[str], line: int, delimiter: str) -> Row:
    text = delimiter.join(cells)
    if len(cells) > len(names):
        message = f"the row has {len(cells)} cells, the table {len(names)} columns"
        return Row(line, why=Malformed("csv-invalid", message), text=_printable(text))
    if not text.isascii() and _printable(text) != text:
        return Row(line, why=Malformed("not-utf8", "it is no UTF-8"), text=_printable(text))
    pairs = zip(names, cells, strict=False)
    return Row(line, {name: cell for name, cell in pairs if cell})


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8", "replace")


def _values(stream: io.BufferedReader) -> Iterator[Row]:
    """Read JSON values that span lines: the elements of one array, or one after the other."""
    text = io.TextIOWrapper(stream, "utf-8-sig", "replace")
    decode = json.JSONDecoder().raw_decode
    buffer, number, opened, ended = text.read(_CHUNK), 0, False, False
    while True:
        buffer = buffer.lstrip(_BLANKS + ("," if opened else ""))
        if not number and not opened and buffer.startswith("["):
            opened, buffer = True, buffer[1:]
            continue
        if opened and buffer.startswith("]"):
            return
        found: tuple[Any, int] | None = None
        try:
            found = decode(buffer) if buffer else None
        except (json.JSONDecodeError, RecursionError) as error:
            if ended or len(buffer) > MAX_LINE:
                message = f"value {number + 1}: {error}"
                raise Malformed("json-invalid", message) from error
        if found is None or (found[1] == len(buffer) and not ended):
            more = text.read(max(_CHUNK, len(buffer)))
            ended = not more
            if ended and not buffer:
                if opened:
                    raise Malformed("json-invalid", "the array does not end")
                return
            buffer += more
            if not ended or found is None:
                continue
        number += 1
        yield _bounded(number, found[0])
        buffer = buffer[found[1] :]


def _bounded(number: int, value: Any) -> Row:
    try:
        bound(value)
    except Malformed as error:
        return Row(number, why=error)
    return Row(number, value)


def _too_long() -> Malformed:
    return Malformed("line-too-long", f"a line has at most {MAX_LINE} bytes")
