"""Bulk in every form."""

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Malformed
from schemas.events import Event
from schemas.sources import Key, Limits, Source
from schemas.vendor import Edge, Grant
from schemas.wire import rakam
from schemas.wire.rakam import table
from tests.schemas.wire.feeding import IDS, Fed, drawing, feed, post

QUERY = {"collection": ["Rows"], "master_key": ["MK"]}
FEW = Source("shop", limits=Limits(events_per_request=2))


def bulk(body: bytes, label: str, source: Source = FEW, **query: list[str]) -> Fed:
    request = post(rakam, "/event/bulk", body, {"content-type": label}, {**QUERY, **query})
    return feed(rakam, request, source)


def avro(rows: list[dict[str, Any]]) -> bytes:
    schema = {"type": "record", "name": "R", "fields": [{"name": "pageUrl", "type": "string"}]}
    file = io.BytesIO()
    fastavro.writer(file, schema, rows)
    return file.getvalue()


FORMS = {
    "application/x-ndjson": lambda rows: b"\n".join(json.dumps(row).encode() for row in rows),
    "application/x-rawjson": lambda rows: json.dumps(rows).encode(),
    "text/csv; charset=utf-8": lambda rows: "\r\n".join(
        ["pageUrl", *(row["pageUrl"] for row in rows)]
    ).encode(),
    "application/avro": avro,
}
each_form = pytest.mark.parametrize("label", FORMS)


@each_form
def test_every_form_says_the_same(label: str) -> None:
    fed = bulk(FORMS[label]([{"pageUrl": "a"}, {"pageUrl": "b"}]), label)
    assert fed.events == (
        Event("track", "rows", properties={"page_url": "a"}, flat=True),
        Event("track", "rows", properties={"page_url": "b"}, flat=True),
    )
    assert (fed.claim.credential, fed.claim.needs) == ("MK", "master")
    assert (fed.reply.status, fed.answer) == (200, {"success": True})
    assert "MK" not in str(fed.raws)


@each_form
def test_no_rows(label: str) -> None:
    fed = bulk(FORMS[label]([]), label)
    assert (fed.reply.status, fed.raws) == (200, ())


@each_form
def test_more_rows_than_the_source_takes(label: str) -> None:
    fed = bulk(FORMS[label]([{"pageUrl": "a"}] * 3), label)
    assert (fed.reply.status, fed.code) == (413, "too-many-events")


@each_form
@given(body=st.binary(max_size=300))
def test_any_bytes(label: str, body: bytes) -> None:
    fed = bulk(body, label)
    assert isinstance(fed.error, Malformed | None)


def test_one_object_over_several_lines() -> None:
    fed = bulk(json.dumps({"a": 1}, indent=2).encode(), "application/x-ndjson")
    assert fed.event.properties == {"a": 1}


@pytest.mark.parametrize(
    ("body", "label", "query", "code", "words"),
    [
        (b'{"a":1}\n{"b"', "application/x-ndjson", {}, "json-invalid", "line 2"),
        (b"nonsense", "application/x-ndjson", {}, "json-invalid", ""),
        (b"[1,", "application/x-rawjson", {}, "json-invalid", ""),
        (b"a\n\xff", "text/csv", {}, "csv-invalid", "UTF-8"),
        (b'a\n"b', "text/csv", {}, "csv-invalid", "line 2"),
        (b"a\n1,2", "text/csv", {}, "csv-invalid", "more than 1 columns"),
        (b"a,,b\n1,2,3", "text/csv", {}, "name-invalid", ""),
        (b",".join([b"a"] * 10_001), "text/csv", {}, "too-many-keys", ""),
        (b"a", "text/csv", {"column_separator": ["ab"]}, "csv-invalid", "separator"),
        (b"a", "text/csv", {"column_separator": [""]}, "csv-invalid", "separator"),
        (b"a", "text/csv", {"column_separator": ['"']}, "csv-invalid", "separator"),
        (b"a", "text/csv", {"use_header": ["False"]}, "csv-invalid", "column names"),
        (b"a", "text/csv", {"collection": ["_users"]}, "collection-invalid", "reserved"),
        (b"a", "text/csv", {"collection": [" "]}, "missing", "required"),
        (b"a", "text/html", {}, "content-type-unsupported", "Unsupported content type: text/html"),
    ],
)
def test_what_cannot_be_read(
    body: bytes, label: str, query: dict[str, list[str]], code: str, words: str
) -> None:
    fed = bulk(body, label, FEW, **query)
    assert (fed.reply.status, fed.code) == (400, code)
    assert words in fed.answer["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"a\n" + b"\n" * 1_000_001, "too-many-events"),
        (
            b",".join(b"c%d" % n for n in range(2000)) + (b"\n" + b"," * 1999) * 600,
            "too-many-events",
        ),
        (
            b",".join(b"%0250d" % n for n in range(2000)) + (b"\n" + b"," * 1999) * 90,
            "body-too-large",
        ),
    ],
)
def test_a_table_that_would_grow(body: bytes, code: str) -> None:
    fed = bulk(body, "text/csv", Source("shop"))
    assert (fed.reply.status, fed.code) == (413, code)


def test_a_single_event_is_not_so_large() -> None:
    for path in ("/event/collect", "/user/create"):
        fed = feed(rakam, post(rakam, path, b"{}" + b" " * (2 << 20)))
        assert (fed.reply.status, fed.code) == (413, "event-too-large")


def test_a_table_with_a_mark_a_short_row_and_a_tab() -> None:
    body = "﻿a\tb\t_time\t_ip\n1\n2\t3\t 5 \ttrue\n".encode()
    first, second = bulk(body, "text/csv", column_separator=["\t"]).events
    assert first.properties == {"a": "1"}
    assert (second.properties, second.event_time) == ({"a": "2", "b": "3"}, 5)
    assert second.details == {"ip": "198.51.100.7"}


def test_a_cell_without_a_time_says_no_time() -> None:
    (event,) = bulk(b"_time,a\n\n,\n", "text/csv").events
    assert (event.event_time, event.properties) == (None, {"a": ""})


def test_a_file_elsewhere_is_not_fetched() -> None:
    body = {"urls": ["http://127.0.0.1/"], "collection": "c", "type": "JSON"}
    fed = feed(rakam, post(rakam, "/event/bulk/remote", body, {"master_key": "MK"}))
    assert fed.code == "remote-unsupported"
    assert feed(rakam, post(rakam, "/event/bulk/remote", body)).code == "key-missing"


def test_a_key_beside_an_api_without_one() -> None:
    body = {"api": {"upload_time": 5}, "events": []}
    fed = feed(rakam, post(rakam, "/event/batch", body, {}, {"write_key": ["WK"]}))
    assert (fed.claim.credential, fed.batch.shared) == ("WK", b'{"api":{"upload_time":5}}')


def test_what_is_too_large_is_refused_before_its_names_are_looked_at() -> None:
    wide = {"api": {"api_key": "WK"}, "properties": {f"k{n}": n for n in range(10_001)}}
    for path in ("/event/collect", "/user/set_properties"):
        assert feed(rakam, post(rakam, path, {"id": 1, **wide})).code == "too-many-keys"
    twice = (
        b'{"api": {"api_key": "a"}, "collection": "c", "properties": {}, "api": {"api_key": "b"}'
    )
    fed = feed(rakam, post(rakam, "/event/collect", twice + b" " * (64 << 10) + b"}"))
    assert fed.claim.credential == "b"


def test_bulk_json() -> None:
    body = {"events": [{"collection": "c", "properties": {}}, 5]}
    fed = feed(rakam, post(rakam, "/event/bulk", body, {"write_key": "WK"}))
    assert (fed.answer, len(fed.raws)) == ({"success": True}, 2)


def test_a_table_that_says_nothing_of_itself() -> None:
    request = post(rakam, "/event/bulk", b"", {}, {})
    assert list(table.rows(request)) == []


def test_a_customers_key_is_refused() -> None:
    request = post(rakam, "/event/batch", {"api": {"api_key": "WK"}, "events": []})
    grant = Grant(FEW, Key("k", "write", "h", customer="acme"))
    with pytest.raises(Malformed) as caught:
        rakam.split(rakam.read(request), request, grant, Edge(drawing(), IDS))
    assert (caught.value.code, rakam.refuse(caught.value, request).status) == ("key-scoped", 403)


def test_nothing_under_project_is_an_event() -> None:
    request = post(rakam, "/project/list", {})
    with pytest.raises(Malformed):
        rakam.split(rakam.read(request), request, Grant(FEW), Edge(drawing(), IDS))


@pytest.mark.parametrize("urls", [None, [], ["a", "b"], "a"])
def test_remote_files(urls: Any) -> None:
    fed = feed(rakam, post(rakam, "/event/bulk/remote", {"urls": urls}, {"master_key": "MK"}))
    assert (fed.reply.status, fed.answer["error"]) == (400, "Only one url is supported")
