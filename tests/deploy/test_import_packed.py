"""Parquet and zip as bodies: read in a process apart, and never at its host's cost."""

import gzip
import io
import json
import struct
import zipfile
from typing import Any

import cramjam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.imports.apart import said
from deploy.imports.packed import Unpacker
from schemas.errors import Malformed, Unavailable
from schemas.rows import Packed
from schemas.sources import Limits

ROWS: list[dict[str, Any]] = [{"n": n, "s": "x" * n} for n in range(1, 4)]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
TABLE = b"n,s\n1,x\n2,xx\n3,xxx\n"
LIMITS = Limits(body_bytes=1 << 20, events_per_request=1_000)


def parquet(table: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return out.getvalue()


PARQUET = parquet(pa.Table.from_pylist(ROWS))


def read(body: bytes) -> tuple[list[Any], bool]:
    """What the process says of it, without the process."""
    lines, of_text = said(body, "rows", LIMITS.events_per_request, LIMITS.body_bytes)
    return [json.loads(line) for line in lines], of_text


async def test_rows_of_files_and_of_archives_of_them() -> None:
    numbered = [("", line, row) for line, row in enumerate(ROWS, 1)]
    found = await Unpacker()(PARQUET, Packed("rows"), LIMITS)
    assert [(row.file, row.line, row.value) for row in found.rows] == numbered
    assert not found.of_text
    packed = zipped(
        a_parquet=PARQUET,
        b_ndjson_gz=gzip.compress(LINES + b'{"n"\n'),
        c_json_zst=bytes(cramjam.zstd.compress(json.dumps(ROWS).encode())),
    )
    rows, of_text = read(packed)
    assert [row[2] for row in rows] == [*ROWS, *ROWS, None, *ROWS]
    assert rows[6][:4] == [4, "b.ndjson.gz", None, "json-invalid"]
    assert not of_text
    texts = [{key: str(value) for key, value in row.items()} for row in ROWS]
    assert read(zipped(a_csv=TABLE)) == (
        [[line, "a.csv", row] for line, row in enumerate(texts, 2)],
        True,
    )


def encrypted() -> bytes:
    data = bytearray(zipped(a_csv=TABLE))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def no_way() -> bytes:
    """A member packed in a way that nobody knows."""
    data = bytearray(zipped(a_csv=TABLE))
    for place in (data.index(b"PK\x03\x04") + 8, data.index(b"PK\x01\x02") + 10):
        data[place : place + 2] = struct.pack("<H", 77)
    return bytes(data)


def long_cells() -> bytes:
    """A small file whose thousand rows have a megabyte each."""
    numbers = pa.array([0] * 1_000, pa.int32())
    table = pa.table({"s": pa.DictionaryArray.from_arrays(numbers, ["x" * (1 << 20)])})
    return parquet(table, compression="zstd", write_statistics=False, store_schema=False)


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"PAR1" + b"x" * 100, "parquet-invalid", 400),
        (PARQUET[:-20], "parquet-invalid", 400),
        (b"PK\x03\x04" + b"x" * 100, "archive-invalid", 400),
        (encrypted(), "archive-invalid", 400),
        (no_way(), "archive-invalid", 400),
        (zipped(a_zip=zipped(b_csv=TABLE)), "archive-invalid", 400),
        (zipped(a_ndjson_gz=gzip.compress(LINES)[:-9]), "archive-invalid", 400),
        (zipped(**{f"m{n}_csv": TABLE for n in range(101)}), "archive-invalid", 400),
        (zipped(a_csv=TABLE, b_ndjson=LINES), "archive-mixed", 400),
        (zipped(a_what=b"hello"), "container-unknown", 400),
        (zipped(a_ndjson=b" " * (64 << 20)), "file-too-large", 413),
        (zipped(a_parquet=b"PAR1" + bytes(64 << 20)), "file-too-large", 413),
        (zipped(a_ndjson=b"{}\n" * 1_001), "too-many-events", 413),
        (parquet(pa.table({"s": ["x" * 10_000] * 200})), "body-too-large", 413),
        (parquet(pa.table({"n": list(range(1_001))})), "too-many-events", 413),
    ],
)
def test_what_is_wrong_or_too_much_says_so(body: bytes, code: str, status: int) -> None:
    assert len(body) < 200_000
    with pytest.raises(Malformed) as raised:
        read(body)
    assert (raised.value.code, raised.value.status) == (code, status), raised.value.message


def test_an_archive_of_nothing_has_no_rows() -> None:
    assert read(zipped()) == ([], False)


async def test_what_the_process_fails_of_is_told_and_harms_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unpack = Unpacker()
    bomb = long_cells()
    assert len(bomb) < 200_000
    for body, code in ((bomb, "file-too-large"), (encrypted(), "archive-invalid")):
        with pytest.raises(Malformed) as raised:
            await unpack(body, Packed("rows"), LIMITS)
        assert raised.value.code == code
    monkeypatch.setattr("deploy.imports.packed._APART", "deploy.imports.nowhere")
    with pytest.raises(Malformed, match="send its rows as CSV") as raised:
        await unpack(PARQUET, Packed("rows"), LIMITS)
    assert raised.value.code == "file-unreadable"


async def test_who_would_wait_too_long_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deploy.imports.packed.WAITING", -2)
    with pytest.raises(Unavailable) as raised:
        await Unpacker()(PARQUET, Packed("rows"), LIMITS)
    assert raised.value.code == "overloaded"
