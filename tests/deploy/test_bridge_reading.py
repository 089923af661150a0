"""Records of topics as raw events: every shape and encoding, the same ids always, nothing lost."""

import io
import json
from dataclasses import replace
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.bridge.again import renewing
from deploy.bridge.translate import Record, Taken, Translator
from deploy.bridge.values import Values
from deploy.settings import Settings
from processors.steps.decode import decode
from schemas.errors import Malformed
from schemas.events import Event
from schemas.ids import Ids
from schemas.kafka_topics import PROTOCOLS, SHAPES
from schemas.kafka_topics import given as topic_of
from schemas.sources import Limits, Registry, Source
from schemas.wire import vendor
from schemas.wire.imports.formats import FORMATS

AT = 1_790_000_000_000
NOW = AT + 5_000
IDS = Ids(b"secret")
AVRO = {
    "type": "record",
    "name": "order",
    "fields": [{"name": "user_id", "type": "string"}, {"name": "price", "type": "double"}],
}


def source_of(**topic: Any) -> Source:
    kafka = topic_of(None, {"topic": "orders", **topic})
    return Source("shop", bridge="kafka", kafka=kafka)


def record_of(value: bytes | Any, **fields: Any) -> Record:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return replace(Record("orders", 2, 17, AT, b"k", text, ()), **fields)


def take(record: Record, *, source: Source | None = None, **topic: Any) -> Taken:
    source = source or source_of(**topic)
    assert source.kafka is not None
    values = Values(source.kafka)
    translator = Translator(source, source.kafka, values, partitions=4, ids=IDS, clock=lambda: NOW)
    return translator.take(record)


def events_of(taken: Taken) -> list[Event]:
    return [decode(line, vendor)[1] for lines in taken.lines.values() for line in lines]


def ids_of(taken: Taken) -> list[str]:
    lines = (line for lines in taken.lines.values() for line in lines)
    return sorted(json.loads(line)["event_id"] for line in lines)


def why_of(taken: Taken) -> str:
    ((line,),) = taken.lines.values()
    with pytest.raises(Malformed) as raised:
        decode(line, vendor)
    assert taken.unread == {raised.value.code: 1}
    assert taken.events == 0
    return raised.value.code


VALUES: dict[str, Any] = {
    "rows": {"user_id": "u", "price": 1},
    "own": {"name": "order placed", "user_id": "u"},
    "cloudevents": {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {}},
    "tracardi": {"session": {"id": "s"}, "events": [{"type": "page-view"}]},
    "rakam": {"collection": "orders", "properties": {"_user": "u"}},
    "filum": {"event_type": "track", "event_name": "Order", "user_id": "u"},
    "eventbunker": {"event_name": "order"},
    "mixpanel": {"event": "e", "properties": {"distinct_id": "u", "time": 1790000000}},
    "amplitude": {"event_type": "e", "user_id": "u", "event_time": "2026-09-21 14:13:20"},
    "posthog": {"event": "e", "distinct_id": "u", "timestamp": "2026-09-21T14:13:20Z"},
    "segment": {"type": "track", "event": "e", "userId": "u"},
    "ga4": {"event_name": "e", "event_timestamp": 1790000000000000, "user_pseudo_id": "p"},
    "tracardi-export": {"type": "e", "id": "1", "metadata": {"time": {"insert": "2026-09-21"}}},
    "rakam-export": {"_collection": "e", "_user": "u", "_time": 1790000000000},
}


@pytest.mark.parametrize("shape", VALUES)
def test_every_shape_is_an_event_and_the_same_one_again(shape: str) -> None:
    record = record_of(VALUES[shape])
    taken = take(record, shape=shape)
    assert taken.unread == {}
    (event,) = events_of(taken)
    assert event.event_type
    assert taken.received_at == AT
    again = take(record, shape=shape)
    assert (again.lines, ids_of(again)) == (taken.lines, ids_of(taken))


def test_every_shape_is_known() -> None:
    exports = {shape.removesuffix("-export") for shape in SHAPES if shape not in PROTOCOLS}
    assert exports == set(FORMATS)
    assert set(VALUES) | {"snowplow", "matomo"} == set(SHAPES)


@pytest.mark.parametrize(
    ("value", "users"),
    [
        (b'{"user_id": "a"}', ["a"]),
        (b'[{"user_id": "a"}, {"user_id": "b"}]', ["a", "b"]),
        (b'{"user_id": "a"}\n\n{"user_id": "b"}\n', ["a", "b"]),
        (b'{\n"user_id": "a"\n}', ["a"]),
        (b"[]", []),
    ],
)
def test_a_value_is_one_row_or_several(value: bytes, users: list[str]) -> None:
    taken = take(record_of(value))
    assert sorted(event.user_id for event in events_of(taken)) == users
    assert len(set(ids_of(taken))) == taken.events == len(users)


def test_columns_may_be_of_the_record() -> None:
    columns = {"user": "_key", "time": "_timestamp", "session": "_headers.trace", "id": "_offset"}
    record = record_of({"price": 1}, headers=(("trace", b"t1"), ("other", b"\xff")))
    (event,) = events_of(take(record, columns=columns, collection="order"))
    assert (event.user_id, event.event_time, event.event_type) == ("k", AT, "order")
    assert event.properties == {"price": 1}
    assert event.context["kafka"] == {
        "topic": "orders",
        "partition": 2,
        "offset": 17,
        "timestamp": AT,
        "key": "k",
        "headers": {"trace": "t1", "other": "\ufffd"},
    }


def test_ids_are_of_the_place_and_the_time() -> None:
    row = {"price": 1}
    records = [
        record_of(row),
        record_of(row, partition=3),
        record_of(row, offset=18),
        record_of(row, timestamp=AT + 1),  # the topic was made anew
        record_of(row, topic="others"),
    ]
    assert len({tuple(ids_of(take(record))) for record in records}) == len(records)
    given_one = {**row, "event_id": "o-1"}
    assert ids_of(take(record_of(given_one))) == ids_of(take(record_of(given_one, offset=99)))


def avro(value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, AVRO, value)
    return out.getvalue()


@pytest.mark.parametrize("shape", ["rows", "own"])
def test_avro_with_and_without_the_number_of_its_schema(shape: str) -> None:
    value = avro({"user_id": "u", "price": 1.5})
    more: dict[str, Any] = {"shape": shape, "schema": AVRO}
    if shape == "own":
        more["schema"] = {**AVRO, "fields": [{"name": "user_id", "type": "string"}, NAMED]}
        value = value[:2] + b"\x02e"
    for encoding, data in (("avro", value), ("confluent", b"\0\0\0\0\x07" + value)):
        (event,) = events_of(take(record_of(data), encoding=encoding, **more))
        assert event.user_id == "u"


NAMED = {"name": "name", "type": "string"}


def test_schemas_of_a_registry_are_asked_for_once() -> None:
    source = source_of(encoding="confluent", registry="http://registry.example")
    assert source.kafka is not None
    values = Values(source.kafka)
    value = b"\0\0\0\0\x07" + avro({"user_id": "u", "price": 1.5})
    assert values.needs(value) == 7
    values.doubt(7, Malformed("schema-unknown", "the registry has no schema 7"))
    with pytest.raises(Malformed, match="no schema 7"):
        values.read(value)
    assert values.needs(value) == 7
    values.learn(7, AVRO)
    assert values.needs(value) is None
    assert values.read(value) == [{"user_id": "u", "price": 1.5}]
    assert values.needs(b"{}") is None


@pytest.mark.parametrize(
    ("value", "topic", "code"),
    [
        (b"", {}, "missing"),
        (b"{", {}, "json-invalid"),
        (b"\xff\x00", {}, "json-invalid"),
        (b'{"a": 1}\n{', {}, "json-invalid"),
        (b"5", {}, "dict-type"),
        (b'{"time": "x"}', {}, "time-invalid"),
        (b"[" * 200 + b"]" * 200, {}, "json-too-deep"),
        (b"{}", {"encoding": "avro", "schema": AVRO}, "avro-invalid"),
        (b"\x02u", {"encoding": "avro", "schema": AVRO}, "avro-invalid"),
        (
            avro({"user_id": "u", "price": 1}) + b"x",
            {"encoding": "avro", "schema": AVRO},
            "avro-invalid",
        ),
        (b"{}", {"encoding": "confluent", "schema": AVRO}, "avro-invalid"),
        (b"{}", {"shape": "own"}, "missing"),
        (b"{}", {"shape": "cloudevents"}, "missing"),
        (b"{}", {"shape": "segment"}, "missing"),
    ],
)
def test_what_cannot_be_read_is_kept_with_its_reason(
    value: bytes, topic: dict[str, Any], code: str
) -> None:
    taken = take(record_of(value), **topic)
    assert why_of(taken) == code


def test_what_is_too_long_points_to_where_it_is() -> None:
    taken = take(record_of(b"\xff" * (1 << 20)))
    assert why_of(taken) == "json-invalid"
    ((line,),) = taken.lines.values()
    assert len(line) < 2_000
    assert b"orders [2] at offset 17" in line
    small = replace(source_of(), limits=Limits(body_bytes=10))
    assert why_of(take(record_of({"price": 1_000_000}), source=small)) == "body-too-large"


def test_the_good_rows_of_a_value_go_on() -> None:
    taken = take(record_of([{"user_id": "a"}, 5, {"user_id": "b"}]))
    assert (taken.events, taken.unread) == (2, {"dict-type": 1})
    assert len(ids_of(taken)) == 3


async def test_what_could_not_be_read_is_read_as_the_source_is_today(tmp_path: Any) -> None:
    value = [{"user_id": "a"}, {"user_id": "b", "at": "x"}, {"user_id": "c"}]
    wrong = take(record_of(value), columns={"time": "at"})
    assert wrong.unread == {"time-invalid": 1}
    right = source_of(skip=["at"])
    registry = Registry()
    renew = renewing(Settings(secret="secret", data=tmp_path, partitions=4), registry, lambda: NOW)
    lines = [line for lines in wrong.lines.values() for line in lines]
    (letter,) = [line for line in lines if b'"unread"' in line]
    assert await renew(letter) is None  # its source is gone
    registry.put(right)
    renewed = await renew(letter)
    assert renewed is not None
    anew = Taken(AT, dict(renewed))
    (event,) = events_of(anew)
    assert (event.user_id, event.context["kafka"]["offset"]) == ("b", 17)
    whole = take(record_of(value), source=right)
    assert ids_of(anew)[0] in ids_of(whole)
    others = [line for line in lines if line != letter]
    assert [await renew(line) for line in [*others, b"{", b'{"endpoint":"unread"}']] == [None] * 4


@given(
    value=st.binary(max_size=200),
    key=st.none() | st.binary(max_size=20),
    headers=st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=20))),
    timestamp=st.integers(-1, 1 << 62),
    shape=st.sampled_from(SHAPES),
    encoding=st.sampled_from(["json", "avro", "confluent"]),
)
def test_whatever_the_bytes_they_are_events_or_kept(
    value: bytes, key: Any, headers: Any, timestamp: int, shape: str, encoding: str
) -> None:
    topic: dict[str, Any] = {}
    if encoding != "json":
        topic = {"encoding": encoding, "schema": AVRO}
    record = Record("orders", 0, 0, timestamp, key, value, tuple(headers))
    taken = take(record, shape=shape, **topic)
    assert 0 < taken.received_at <= NOW
    lines = [line for lines in taken.lines.values() for line in lines]
    assert len(lines) == taken.events + sum(taken.unread.values())
