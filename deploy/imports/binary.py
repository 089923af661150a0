"""Avro and Parquet files -> rows, block by block."""

import io
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from deploy.imports.unpack import on_disk
from schemas.avro import blocks
from schemas.errors import Malformed

AVRO: Final = b"Obj\x01"
PARQUET: Final = b"PAR1"
_ROWS: Final = 1_000
_NO_PARQUET: Final = (
    "reading Parquet takes pyarrow, which is not installed: pip install 'headrace[parquet]'"
)


def avro_rows(stream: io.BufferedReader) -> Iterator[Any]:
    """Read the records of an object container file.

    Raises:
        Malformed: as :func:`schemas.avro.blocks.records`.
    """
    return blocks.records(stream.read)


def parquet_rows(stream: io.BufferedReader, *, held: int | None = None) -> Iterator[Any]:
    """Read the rows of a Parquet file, which is copied to disk first: its directory is at its end.

    Raises:
        Malformed: ``parquet-unsupported`` without pyarrow, ``parquet-invalid``; ``file-too-large``
            for more than ``held`` bytes.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra that few need
        import pyarrow.parquet as pq  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise Malformed("parquet-unsupported", _NO_PARQUET) from error
    with on_disk(stream, held) as file:
        try:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_ROWS):
                for row in batch.to_pylist():
                    yield {name: plain(value) for name, value in row.items()}
        except MemoryError:  # Arrow's own is one of both
            raise
        except (pa.ArrowException, OSError) as error:
            raise Malformed("parquet-invalid", f"the file cannot be read: {error}") from error


def plain(value: Any) -> Any:
    """Make what Arrow has of a cell a JSON value; times are ISO 8601, without a zone UTC."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case float() | Decimal():
            return float(value) if math.isfinite(value) else None
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)
