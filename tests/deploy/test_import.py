"""The parts of an import: containers and wrappings, state, and what is sent at once."""

import gzip
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import cramjam
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.imports import tables, unpack
from deploy.imports.chunks import Wish, chunks, planned
from deploy.imports.pressure import Window
from deploy.imports.state import Rejects, StateFile
from deploy.imports.work import groups
from schemas.avro import blocks
from schemas.errors import HeadraceError, Malformed
from schemas.rows import Row
from schemas.vendor import Draft
from tests.schemas.values import json_values


def buffered(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data), 1 << 16)


def read(container: str, data: bytes) -> list[tuple[int, Any]]:
    found = tables.rows(container, buffered(data))
    return [(row.line, row.why.code if row.why else row.value) for row in found]


@pytest.mark.parametrize(
    ("container", "data", "expected"),
    [
        ("csv", b"\xef\xbb\xbfa,b\n1,\n\n,2\n", [(2, {"a": "1"}), (4, {"b": "2"})]),
        ("csv", b'a;b\n"x\ny";2\n3', [(3, {"a": "x\ny", "b": "2"}), (4, {"a": "3"})]),
        ("csv", b"a,b\n1,2,3\n4,5\n", [(2, "csv-invalid"), (3, {"a": "4", "b": "5"})]),
        ("csv", b"a\n\xff\nb\n", [(2, "not-utf8"), (3, {"a": "b"})]),
        ("csv", b'a,b\n"x"y,1\n2,3\n', [(2, "csv-invalid"), (3, {"a": "2", "b": "3"})]),
        ("tsv", b"a\tb\n1\t2,3\n", [(2, {"a": "1", "b": "2,3"})]),
        ("ndjson", b'{"a":1}\n\n{"a"\n[2]', [(1, {"a": 1}), (3, "json-invalid"), (4, [2])]),
        ("json", b'[{"a": 1},\n {"a": [2, "]"]}]', [(1, {"a": 1}), (2, {"a": [2, "]"]})]),
        ("json", b'{\n"a": 1\n}\n{\n"a": 2\n}', [(1, {"a": 1}), (2, {"a": 2})]),
        ("json", b"[]", []),
        ("cells", b"a\t\tb\n", [(1, ["a", "", "b"])]),
    ],
)
def test_rows_with_their_lines(
    container: str, data: bytes, expected: list[tuple[int, Any]]
) -> None:
    assert read(container, data) == expected


@pytest.mark.parametrize(
    ("container", "data", "code"),
    [
        ("csv", b"a,a\n1,2\n", "csv-invalid"),
        ("csv", b"a,\n1,2\n", "csv-invalid"),
        ("json", b'[{"a": 1}', "json-invalid"),
        ("json", b'[{"a": 1} x', "json-invalid"),
        ("avro", b"Obj\x01", "avro-invalid"),
        ("parquet", b"PAR1", "parquet-invalid"),
    ],
)
def test_a_file_that_is_none_says_so(container: str, data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as raised:
        read(container, data)
    assert raised.value.code == code


@pytest.mark.parametrize("container", [*tables.CONTAINERS, ""])
@given(data=st.binary(max_size=300))
def test_whatever_the_bytes_there_are_rows_or_a_reason(container: str, data: bytes) -> None:
    with suppress(HeadraceError):
        read(container or tables.container_of("x", buffered(data)), data)


@given(st.lists(json_values, max_size=5), st.sampled_from([None, 1]))
def test_json_values_are_found_however_they_are_laid_out(
    values: list[Any], indent: int | None
) -> None:
    text = json.dumps(values, indent=indent).encode()
    assert [value for _, value in read("json", text)] == json.loads(text)


def test_a_line_that_is_too_long_is_set_aside_in_little_memory() -> None:
    endless = buffered(b'{"a": "' + b"x" * (8 * tables.MAX_LINE) + b'"}\n{"a": 1}\n')
    tracemalloc.start()
    found = [
        (row.line, row.why.code if row.why else row.value) for row in tables.rows("ndjson", endless)
    ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(1, "line-too-long"), (2, {"a": 1})]
    assert peak < 5 * tables.MAX_LINE


@pytest.mark.parametrize(
    ("name", "data", "container"),
    [
        ("x.csv", b"a,b", "csv"),
        ("x.tsv", b"a", "tsv"),
        ("x", b'{"a":1}\n{"a":2}', "ndjson"),
        ("x.json", b'{"a":1}\n{"a":2}', "ndjson"),
        ("x.json", b'{\n"a":1}', "json"),
        ("x.json", b" [1]", "json"),
        ("x", b"Obj\x01..", "avro"),
        ("x.csv", b"PAR1..", "parquet"),
    ],
)
def test_what_kind_of_file_it_is(name: str, data: bytes, container: str) -> None:
    assert tables.container_of(name, buffered(data)) == container


def test_an_unknown_kind_is_asked_for() -> None:
    with pytest.raises(Malformed, match=r"x\.log: say what it is: --as csv"):
        tables.container_of("x.log", buffered(b"hello"))


def unwrapped(data: bytes) -> list[tuple[str, str, bytes]]:
    counted = unpack.Counted(io.BytesIO(data))
    return [(part.name, part.plain, part.stream.read()) for part in unpack.parts("x.gz", counted)]


def test_what_is_wrapped_is_unwrapped_however_often() -> None:
    plain = b'{"a": 1}\n' * 1000
    assert unwrapped(gzip.compress(plain) + gzip.compress(b"end")) == [
        ("x.gz", "x", plain + b"end")
    ]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("b/2.json.gz", gzip.compress(plain))
        archive.writestr("__MACOSX/b", "x")
        archive.writestr("a.csv", "a\n1\n")
    assert unwrapped(gzip.compress(out.getvalue())) == [
        ("x.gz!a.csv", "x.gz!a.csv", b"a\n1\n"),
        ("x.gz!b/2.json.gz", "x.gz!b/2.json", plain),
    ]
    nested = b"x"
    for _ in range(6):
        nested = gzip.compress(nested)
    with pytest.raises(Malformed, match="one wrapping too deep"):
        unwrapped(nested)


def zipped(data: bytes, name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def avro_file(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    fields = [{"name": "n", "type": "long"}, {"name": "s", "type": "string"}]
    fastavro.writer(out, {"type": "record", "name": "r", "fields": fields}, rows)
    return out.getvalue()


def parquet_file(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


SAME = [{"n": n, "s": "x" * n} for n in range(1, 4)]
TEXTS = [{name: str(value) for name, value in row.items()} for row in SAME]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in SAME)
MADE: dict[str, bytes] = {
    "csv": b"n,s\n" + b"".join(f"{r['n']},{r['s']}\n".encode() for r in SAME),
    "tsv": b"n\ts\n" + b"".join(f"{r['n']}\t{r['s']}\n".encode() for r in SAME),
    "json": json.dumps(SAME, indent=2).encode(),
    "ndjson": LINES,
    "avro": avro_file(SAME),
    "parquet": parquet_file(SAME),
}


@pytest.mark.parametrize("container", MADE)
@pytest.mark.parametrize("wrapping", ["", ".gz", ".zst", ".zip", ".gz.zip"])
def test_every_container_in_every_wrapping(container: str, wrapping: str) -> None:
    name = f"x.{container}"
    data = MADE[container]
    if ".gz" in wrapping:
        data = gzip.compress(data)
    if wrapping == ".zst":
        data = bytes(cramjam.zstd.compress(data))
    if ".zip" in wrapping:
        data = zipped(data, name + (".gz" if ".gz" in wrapping else ""))
    counted = unpack.Counted(io.BytesIO(data))
    found = []
    for part in unpack.parts(name + wrapping, counted):
        kind = tables.container_of(part.plain, part.stream)
        assert kind == container
        found += [row.value for row in tables.rows(kind, part.stream)]
    assert found == (TEXTS if container in {"csv", "tsv"} else SAME)


@given(st.lists(st.integers(0, 1 << 40), max_size=200), st.sampled_from(["null", "deflate"]))
def test_avro_is_read_block_by_block(numbers: list[int], codec: str) -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "n", "type": "long"}]}
    out = io.BytesIO()
    fastavro.writer(out, schema, [{"n": n} for n in numbers], codec=codec, sync_interval=50)
    assert [row["n"] for row in blocks.records(io.BytesIO(out.getvalue()).read)] == numbers


def rows_of(count: int) -> Iterator[Row]:
    return (Row(number + 1, {"user_id": "u", "n": number}) for number in range(count))


def drafts(kept: StateFile, data: bytes, count: int, take: int) -> list[Draft]:
    """Import `take` chunks of two rows each, as a run does that is killed then."""
    done = kept.state.part("x", buffered(data))
    plan, found = planned(rows_of(count), Wish(), "ndjson", 1, "x")
    made: list[Draft] = []
    for each in islice(chunks(found, plan, done, 2), take):
        made += each.drafts
        done.rows, done.check = each.rows, each.check
    kept.save()
    return made


def test_a_run_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    with StateFile(path, now=1, fresh=False) as kept:
        first = drafts(kept, b"begin", 9, 2)
        with (
            pytest.raises(HeadraceError, match="another process"),
            StateFile(path, now=1, fresh=False),
        ):
            pass
    with StateFile(path, now=2, fresh=False) as kept:
        assert kept.state.began == 1
        rest = drafts(kept, b"begin", 9, 9)
        grown = drafts(kept, b"begin and more", 11, 9)
    with StateFile(path, now=3, fresh=True) as kept:
        anew = drafts(kept, b"begin and more", 11, 9)
        other = drafts(kept, b"another", 11, 9)
    ids = [draft.message_id for draft in first + rest + grown]
    assert len(set(ids)) == len(ids) == 11
    assert [draft.body for draft in first + rest + grown] == [draft.body for draft in anew]
    assert not {draft.message_id for draft in other} & set(ids)


def test_a_file_that_was_replaced_by_one_that_begins_alike_is_refused(tmp_path: Path) -> None:
    with StateFile(tmp_path / "s.json", now=1, fresh=False) as kept:
        drafts(kept, b"begin", 4, 1)
        kept.state.parts["x"].check += 1
        with pytest.raises(Malformed) as raised:
            drafts(kept, b"begin", 4, 1)
    assert raised.value.code == "file-changed"


def test_rows_set_aside_twice_are_kept_once(tmp_path: Path) -> None:
    path, error = tmp_path / "r.ndjson", Malformed("c", "m")
    first = Rejects(path, 0)
    first.add("f", 1, error, {"a": 1})
    size = first.settle()
    first.add("f", 2, error, "x")
    first.close()
    second = Rejects(path, size)
    second.add("f", 2, error, "x")
    second.close()
    assert [json.loads(line)["line"] for line in path.read_text().splitlines()] == [1, 2]


@given(st.lists(st.integers(1, 3 << 20), max_size=30), st.integers(1, 7))
def test_groups_are_bounded_and_lose_nothing(sizes: list[int], most: int) -> None:
    every = [Draft(bytes(size), str(number)) for number, size in enumerate(sizes)]
    found = list(groups(every, most))
    assert [draft for group in found for draft in group] == every
    for group in found:
        assert len(group) <= most
        assert len(group) == 1 or sum(len(draft.body) for draft in group) <= 4 << 20


def test_a_window_opens_while_a_tier_keeps_up_and_closes_when_it_does_not() -> None:
    window = Window(1_000, soon=1.0, late=2.0)
    sizes = []
    for seconds in (0.5, 0.5, 1.5, 3.0, 3.0, *[3.0] * 9):
        window.waited(seconds)
        sizes.append(window.size)
    assert sizes[:5] == [1501, 2252, 2252, 1351, 810]
    assert sizes[-1] == 250
    for _ in range(20):
        window.waited(0.1)
    assert window.size == 20_000
    assert Window(0, soon=1.0, late=2.0).size == 0
