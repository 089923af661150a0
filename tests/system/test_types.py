"""The first value of a property decides its type; what will not fit it is noted, never lost."""

import json
from typing import Any

import pytest

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import rows_of

pytestmark = pytest.mark.system

EFFECT_SECONDS = 30.0


@pytest.fixture(scope="module")
def admin(pipeline: Pipeline) -> Admin:
    return Admin(pipeline)


def collect(pipeline: Pipeline, key: str, **properties: Any) -> None:
    event = {"api": {"api_key": key}, "collection": "sale", "properties": properties}
    answer = pipeline.client.post_json("/event/collect", event)
    assert answer.status == 200, answer.body


def noted(pipeline: Pipeline, source_id: str) -> list[Row]:
    return pipeline.sql(
        "SELECT collection, event_id, field, wanted, value, reason FROM headrace.invalid_values"
        " WHERE source_id = {source:String} ORDER BY field",
        source=source_id,
    )


def types_become(admin: Admin, source_id: str, expected: dict[str, str]) -> None:
    def types() -> Any:
        collections = admin("GET", f"/{source_id}/schema").json["collections"]
        return {each["name"]: each["properties"] for each in collections}.get("sale")

    eventually(
        types,
        until=lambda found: found == expected,
        within=EFFECT_SECONDS,
        what=f"the schema of {source_id} is {expected}",
    )


def test_a_value_that_will_not_fit_is_noted_and_its_event_is_kept(
    pipeline: Pipeline, admin: Admin
) -> None:
    key = admin.create("types-first")
    collect(pipeline, key, price=5, at="2026-11-20 10:11")
    types_become(admin, "types-first", {"price": "double", "at": "timestamp"})
    collect(pipeline, key, price="abc", sku="x", nested={"a": {"b": [1, "c"]}})
    first, second = rows_of(pipeline, "types-first", 2)
    assert first["properties"] == {"price": 5, "at": "2026-11-20 10:11"}
    assert second["properties"] == {"sku": "x", "nested": {"a": {"b": [1, "c"]}}}
    assert second["valid"] is True
    (note,) = noted(pipeline, "types-first")
    assert note == {
        "collection": "sale",
        "event_id": second["event_id"],
        "field": "price",
        "wanted": "double",
        "value": '"abc"',
        "reason": "not-castable",
    }
    types_become(
        admin,
        "types-first",
        {"price": "double", "at": "timestamp", "sku": "string", "nested": "json"},
    )


def test_a_declared_type_is_cast_to(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create("types-declared")
    declared = {"collection": "sale", "properties": {"ip": "integer"}}
    assert admin("POST", "/types-declared/schema", declared).status == 200
    for ip in ("12", "203.0.113.7"):
        collect(pipeline, key, ip=ip)
    first, second = rows_of(pipeline, "types-declared", 2)
    assert (first["properties"], second["properties"]) == ({"ip": 12}, {})
    (note,) = noted(pipeline, "types-declared")
    assert (note["event_id"], note["field"], note["wanted"], note["value"]) == (
        second["event_id"],
        "ip",
        "integer",
        '"203.0.113.7"',
    )


def test_names_of_any_script_are_columns_and_what_is_no_name_is_kept_apart(
    pipeline: Pipeline, admin: Admin
) -> None:
    admin.create("types-names")
    names = {"naïve ключ 名": "x", 'a"b`c;--': 1}
    deep = "[" * 60 + "1" + "]" * 60
    apart = {"k" * 300: 1, "": 2, "_overflow": 3}
    body = {
        "source": {"id": "types-names"},
        "events": [{"type": "sale", "properties": {**names, **apart, "deep": json.loads(deep)}}],
        "context": {"deep": json.loads(deep)},
    }
    assert pipeline.client.post_json("/track", body).status == 200
    (row,) = rows_of(pipeline, "types-names", 1)
    assert row["properties"] == {**names, "_overflow": {**apart, "deep": deep}}
    assert row["context"]["deep"] == deep
    assert {(note["field"], note["reason"]) for note in noted(pipeline, "types-names")} == {
        ("_overflow", "property-name-invalid"),
        ("_overflow", "json-too-deep"),
        ("context.deep", "json-too-deep"),
    }
    listed = eventually(
        lambda: pipeline.sql(
            "SELECT property, type, position, version, first_seen, last_seen"
            " FROM headrace.collections WHERE source_id = 'types-names' ORDER BY position"
        ),
        until=lambda rows: len(rows) >= len(names),
        within=EFFECT_SECONDS,
        what="the properties are listed",
    )
    seen = {"version": 1, "first_seen": row["received_at"], "last_seen": row["received_at"]}
    assert listed == [
        {"property": name, "type": kind, "position": position, **seen}
        for position, (name, kind) in enumerate(zip(names, ("string", "double"), strict=True), 1)
    ]
