# ruff: noqa: S608 - the names in these statements are made here
"""Values come back as they went in."""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from ipaddress import IPv6Address
from typing import Any

import pytest

MakeTable = Callable[[str], str]

_UTC = dt.UTC
_PROPERTIES = (
    "JSON(max_dynamic_paths=0, price Nullable(Float64), quantity Nullable(Int64), "
    "coupon Nullable(String), sent_at Nullable(DateTime64(3, 'UTC')))"
)

ROUND_TRIPS: dict[str, list[Any]] = {
    "UInt64": [0, 2**64 - 1],
    "Int128": [-(2**127), 2**127 - 1],
    "Float64": [0.0, -1.5, 1e308],
    "Decimal(18, 4)": [Decimal("12.3400"), Decimal("-0.0001")],
    "Bool": [True, False],
    "String": ["", "it's \\ \t\n\x00 ünïcödé 🦔"],
    "FixedString(3)": [b"abc", b"\x00\x01\x02"],
    "LowCardinality(String)": ["page", "track", "page"],
    "Nullable(String)": [None, "", "x"],
    "LowCardinality(Nullable(String))": [None, "", "x"],
    "UUID": [uuid.UUID("018f3a52-6a2e-7c5b-9d1c-0123456789ab")],
    "IPv6": [IPv6Address("2001:db8::1")],
    "Date": [dt.date(1970, 1, 1), dt.date(2149, 6, 6)],
    "DateTime64(3, 'UTC')": [dt.datetime(2026, 3, 4, 5, 6, 7, 891000, _UTC)],
    "DateTime('UTC')": [dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=_UTC)],
    "Array(String)": [[], ["a", "b"]],
    "Array(Array(Nullable(Int32)))": [[[1, None], []]],
    "Map(String, String)": [{}, {"a": "1", "b": "2"}],
    "Tuple(a UInt8, b String)": [{"a": 1, "b": "x"}],
    "Enum8('a' = 1, 'b' = 2)": ["a", "b"],
}


@pytest.mark.parametrize("type_name", ROUND_TRIPS)
def test_a_column_returns_what_was_inserted(client: Any, table: MakeTable, type_name: str) -> None:
    name = table(f"(n UInt32, v {type_name}) ENGINE = MergeTree ORDER BY n")
    values = ROUND_TRIPS[type_name]
    client.insert(name, list(enumerate(values)), column_names=["n", "v"])
    found = client.query(f"SELECT v FROM {name} ORDER BY n").result_columns[0]
    assert [_aware(value) for value in found] == values


def _aware(value: Any) -> Any:
    """Times come back without a zone where the zone is UTC."""
    naive = isinstance(value, dt.datetime) and value.tzinfo is None
    return value.replace(tzinfo=_UTC) if naive else value


def test_json_keeps_typed_and_untyped_paths(client: Any, table: MakeTable) -> None:
    name = table(
        f"(n UInt32, p {_PROPERTIES}) ENGINE = MergeTree ORDER BY n "
        "SETTINGS object_shared_data_serialization_version = 'map_with_buckets'"
    )
    sent = [
        {"price": 9.5, "quantity": 3, "page": {"title": "Ünï", "tags": ["a", "b"]}},
        {"coupon": "it's", "nested": [{"a": 1}, {"a": 2}], "flag": True},
        {},
    ]
    client.insert(name, list(enumerate(sent)), column_names=["n", "p"])
    rows = client.query(
        f"SELECT p.price, p.quantity, p.coupon, p.page.title.:String FROM {name} ORDER BY n"
    ).result_rows
    assert rows == [(9.5, 3, None, "Ünï"), (None, None, "it's", None), (None, None, None, None)]
    texts = client.query(f"SELECT toJSONString(p) FROM {name} ORDER BY n").result_columns[0]
    assert json.loads(texts[1])["nested"] == [{"a": 1}, {"a": 2}]
    assert json.loads(texts[0])["page"] == {"title": "Ünï", "tags": ["a", "b"]}


def test_json_text_is_taken_for_a_json_column(client: Any, table: MakeTable) -> None:
    name = table(f"(p {_PROPERTIES}) ENGINE = MergeTree ORDER BY tuple()")
    client.insert(name, [['{"price": 1.25, "other": "x"}']], column_names=["p"])
    assert client.query(f"SELECT p.price, p.other.:String FROM {name}").result_rows == [(1.25, "x")]


def test_arrow_goes_in_and_comes_out(client: Any, table: MakeTable) -> None:
    arrow = pytest.importorskip("pyarrow")
    name = table(
        "(n UInt32, s LowCardinality(String), t DateTime64(3, 'UTC'), a Array(Int64)) "
        "ENGINE = MergeTree ORDER BY n"
    )
    moment = dt.datetime(2026, 3, 4, 5, 6, 7, 891000, _UTC)
    sent = arrow.table(
        {
            "n": arrow.array(range(1000), arrow.uint32()),
            "s": [f"kind {n % 7}" for n in range(1000)],
            "t": arrow.array([moment] * 1000, arrow.timestamp("ms", "UTC")),
            "a": [[n, -n] for n in range(1000)],
        }
    )
    client.insert_arrow(name, sent)
    found = client.query_arrow(f"SELECT * FROM {name} ORDER BY n", use_strings=True)
    assert found.num_rows == 1000
    assert found.column("a").to_pylist() == sent.column("a").to_pylist()
    assert found.column("s").to_pylist() == sent.column("s").to_pylist()
    assert found.column("t").to_pylist()[0] == moment
