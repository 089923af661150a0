"""Avro files: what fastavro writes is read as JSON values; what nobody writes is Malformed."""

import io
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro, codec
from schemas.errors import Malformed

EVENT = {
    "type": "record",
    "name": "Event",
    "namespace": "shop",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "count", "type": "long"},
        {"name": "small", "type": ["null", "int"]},
        {"name": "price", "type": "double"},
        {"name": "ratio", "type": "float"},
        {"name": "paid", "type": "boolean"},
        {"name": "raw", "type": "bytes"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "other", "type": "Kind"},
        {"name": "mark", "type": {"type": "fixed", "name": "Mark", "size": 2}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "extra", "type": {"type": "map", "values": ["null", "double"]}},
    ],
}
GOOD = {
    "text": "é",
    "count": -(2**62),
    "small": None,
    "price": 1.5,
    "ratio": 0.5,
    "paid": True,
    "raw": b"\x00\xff",
    "kind": "B",
    "other": "A",
    "mark": b"ab",
    "tags": ["x", "y"],
    "extra": {"a": 1.0, "b": None},
}
READ = GOOD | {"raw": "\x00\xff", "mark": "ab"}


def written(
    schema: Any, records: list[Any], codec_name: str = "null", interval: int = 100
) -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, schema, records, codec=codec_name, sync_interval=interval)
    return file.getvalue()


def read(data: bytes, most: int = 1000, inflated: int = 1 << 20) -> list[Any]:
    return list(avro.records(data, most=most, inflated=inflated))


def code_of(data: bytes, **bounds: int) -> tuple[str, int]:
    with pytest.raises(Malformed) as caught:
        read(data, **bounds)
    return caught.value.code, caught.value.status


def container(schema: Any, block: bytes, count: int = 1) -> bytes:
    """A file around bytes that no honest writer would put into it."""
    meta = json.dumps(schema).encode() if not isinstance(schema, bytes) else schema
    head = b"Obj\x01" + long(1) + sized(b"avro.schema") + sized(meta) + b"\x00"
    return head + b"s" * 16 + long(count) + sized(block) + b"s" * 16


def sized(data: bytes) -> bytes:
    return long(len(data)) + data


def long(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def record_of(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]}


@pytest.mark.parametrize("codec_name", ["null", "deflate"])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_every_type(codec_name: str, count: int) -> None:
    assert read(written(EVENT, [GOOD] * count, codec_name)) == [READ] * count


NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, NOON, "2026-11-21T12:00:00.123Z"),
        ({"type": "long", "logicalType": "timestamp-micros"}, NOON, "2026-11-21T12:00:00.123Z"),
        (
            {"type": "long", "logicalType": "local-timestamp-millis"},
            NOON.replace(tzinfo=None),
            "2026-11-21T12:00:00.123Z",
        ),
        ({"type": "int", "logicalType": "date"}, date(1969, 12, 31), "1969-12-31"),
        ({"type": "int", "logicalType": "time-millis"}, time(1, 2, 3, 4000), "01:02:03.004"),
        ({"type": "long", "logicalType": "time-micros"}, time(23, 59), "23:59:00.000"),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            Decimal("-12.34"),
            -12.34,
        ),
        ({"type": "long", "logicalType": "timestamp-millis"}, 1 << 60, 1 << 60),
        (
            {"type": "long", "logicalType": "timestamp-millis"},
            -62135596800000,
            "0001-01-01T00:00:00.000Z",
        ),
        ({"type": "int", "logicalType": "date"}, 1 << 30, 1 << 30),
        ({"type": "int", "logicalType": "time-millis"}, 1 << 30, 1 << 30),
        ({"type": "long", "logicalType": "of the future"}, 5, 5),
        ({"type": "string", "logicalType": 5}, "x", "x"),
        ("double", float("nan"), None),
        ("float", float("inf"), None),
    ],
)
def test_logical_types_and_what_json_cannot_hold(kind: Any, value: Any, expected: Any) -> None:
    assert read(written(record_of(kind), [{"a": value}])) == [{"a": expected}]


def test_namespaces_and_types_named_twice() -> None:
    inner = {"type": "record", "name": "p.In", "fields": [{"name": "x", "type": "int"}]}
    schema = {
        "type": "record",
        "name": "o.Out",
        "fields": [{"name": "a", "type": inner}, {"name": "b", "type": ["null", "p.In"]}],
    }
    value = {"a": {"x": 1}, "b": {"x": 2}}
    assert read(written(schema, [value])) == [value]


def test_a_decimal_without_a_sensible_scale_stays_bytes() -> None:
    for scale in (-1, 10**9, "2"):
        kind = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale}
        assert read(container(record_of(kind), sized(b"\x01"))) == [{"a": "\x01"}]
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 9}
    assert read(container(record_of(kind), sized(b"\x01" * 65))) == [{"a": "\x01" * 65}]


LIST = {"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]}


def test_a_recursive_schema_goes_so_deep_and_no_deeper() -> None:
    assert read(container(LIST, b"\x02" * 3 + b"\x00")) == [{"n": {"n": {"n": {"n": None}}}}]
    assert code_of(container(LIST, b"\x02" * 1_000_000)) == ("json-too-deep", 400)


def test_items_without_bytes_are_counted() -> None:
    endless = long(1 << 60) + b"\x00"
    array = record_of({"type": "array", "items": "null"})
    assert code_of(container(array, endless)) == ("too-many-events", 413)
    hollow = {"type": "record", "name": "H", "fields": []}
    for kind in ({"type": "array", "items": hollow}, {"type": "map", "values": "null"}):
        with pytest.raises(Malformed):
            read(container(record_of(kind), endless))
    assert code_of(container(hollow, b"", count=1 << 40)) == ("too-many-events", 413)
    assert code_of(container(hollow, b"", count=1 << 40), most=1 << 50) == ("too-many-events", 413)


def test_bounds() -> None:
    data = written(EVENT, [GOOD] * 300, "deflate")
    assert code_of(data, most=299) == ("too-many-events", 413)
    assert code_of(data, inflated=5000) == ("body-too-large", 413)
    bomb = written(record_of("string"), [{"a": "x" * 5_000_000}], "deflate")
    assert len(bomb) < 10_000
    assert code_of(bomb) == ("body-too-large", 413)
    assert code_of(written(record_of("string"), [{"a": "x" * 500}] * 5), inflated=600) == (
        "body-too-large",
        413,
    )


@pytest.mark.parametrize("codec_name", ["bzip2", "xz"])
def test_other_codecs(codec_name: str) -> None:
    assert code_of(written(EVENT, [GOOD], codec_name)) == ("avro-codec-unsupported", 400)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"Obj\x02",
        b"Obj\x01",
        b"Obj\x01\x00" + b"s" * 16,
        container(b"{", b""),
        container(b"[" * 5000, b""),
        container(b" " * (300 << 10), b""),
        container("nothing", b""),
        container(5, b""),
        container({"type": 5}, b""),
        container({"type": "record"}, b""),
        container({"type": "record", "fields": []}, b""),
        container({"type": "record", "name": "R"}, b""),
        container({"type": "record", "name": "R", "fields": [5]}, b""),
        container({"type": "fixed", "name": "F", "size": -1}, b""),
        container({"type": "enum", "name": "E", "symbols": 5}, b""),
        container(record_of({"type": "enum", "name": "E", "symbols": ["A"]}), long(1)),
        container(record_of(["null"]), long(-1)),
        container(record_of("string"), sized(b"\xff")),
        container(record_of("string"), long(-5)),
        container(record_of("long"), b"\xff" * 20),
        container(record_of("int"), b"\x02\x02"),
        container(record_of("int"), b"\x02", count=-1),
        written(EVENT, [GOOD])[:-1],
        written(EVENT, [GOOD])[:-16] + b"x" * 16,
    ],
)
def test_what_nobody_writes(data: bytes) -> None:
    code, status = code_of(data)
    assert status in {400, 413}
    assert code in {"avro-invalid", "json-too-deep", "too-many-events"}


def test_a_deep_schema() -> None:
    kind: Any = "int"
    for _ in range(200):
        kind = {"type": "array", "items": kind}
    assert code_of(container(kind, b"")) == ("json-too-deep", 400)


def test_a_broken_deflate_block() -> None:
    good = written(record_of("string"), [{"a": "x" * 50}], "deflate")
    start = good.rindex(good[-16:], 0, len(good) - 16) + 16
    block = good[start + 2 : -16]
    for bad in (b"\xff" * len(block), block[:-8]):
        data = good[:start] + long(1) + sized(bad) + good[-16:]
        assert code_of(data) == ("avro-invalid", 400)


def test_blocks_that_say_their_size() -> None:
    block = long(-2) + long(2) + long(1) + long(2) + b"\x00"
    array = record_of({"type": "array", "items": "int"})
    assert read(container(array, block)) == [{"a": [1, 2]}]


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 60))
@settings(max_examples=300)
def test_values_or_malformed_and_nothing_else(noise: bytes, at: int, cut: int) -> None:
    good = written(EVENT, [GOOD] * 3, "deflate")
    for data in (noise, b"Obj\x01" + noise, good[:at] + noise + good[at + cut :]):
        try:
            values = read(data)
        except Malformed:
            continue
        codec.dumps(values)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_block_under_a_schema(block: bytes) -> None:
    try:
        values = read(container(EVENT, block))
    except Malformed:
        return
    assert len(values) == 1


def test_a_moment_before_1970() -> None:
    kind = {"type": "long", "logicalType": "timestamp-millis"}
    early = datetime(1969, 12, 31, tzinfo=UTC) + timedelta(milliseconds=1)
    assert read(written(record_of(kind), [{"a": early}])) == [{"a": "1969-12-31T00:00:00.001Z"}]
