"""A view per collection: declared or first seen, it is there within seconds, for everybody."""

import json
from typing import Any

import pytest

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row

pytestmark = pytest.mark.system

EFFECT_SECONDS = 30.0
"""What starting commands adds to it."""


@pytest.fixture(scope="module")
def admin(pipeline: Pipeline) -> Admin:
    return Admin(pipeline)


def collect(pipeline: Pipeline, key: str, collection: str, **properties: Any) -> None:
    event = {"api": {"api_key": key}, "collection": collection, "properties": properties}
    answer = pipeline.client.post_json("/event/collect", event)
    assert answer.status == 200, answer.body


def shown(pipeline: Pipeline, sql: str) -> list[Row] | None:
    """Rows as `headrace query` prints them, None as long as there is no such view."""
    asked = pipeline.headrace("query", "--format", "JSONEachRow", sql)
    if asked.returncode:
        return None
    return [json.loads(line) for line in asked.stdout.splitlines()]


def eventually_shown(pipeline: Pipeline, sql: str, expected: list[Row]) -> None:
    eventually(
        lambda: shown(pipeline, sql),
        until=lambda rows: rows == expected,
        within=EFFECT_SECONDS,
        what=f"{sql} shows {expected}",
    )


def test_a_declared_collection_is_a_view(pipeline: Pipeline, admin: Admin) -> None:
    admin.create("views-declared")
    declared = {"collection": "Order Placed", "properties": {"price": "double", "_time": "date"}}
    assert admin("POST", "/views-declared/schema", declared).status == 200
    sql = "SELECT price, _time_ FROM `views-declared`.`Order Placed`"
    eventually_shown(pipeline, sql, [])
    listed = (
        "SELECT property, type, column FROM headrace.collections"
        " WHERE source_id = 'views-declared' ORDER BY position"
    )
    assert pipeline.sql(listed) == [
        {"property": "price", "type": "double", "column": "price"},
        {"property": "_time", "type": "date", "column": "_time_"},
    ]


def test_a_view_follows_the_events(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create("views_seen")
    collect(pipeline, key, "order_placed", name="pen", price=2.5, _user="u")
    sql = "SELECT name, price, _user FROM views_seen.order_placed ORDER BY _time"
    pen = {"name": "pen", "price": 2.5, "_user": "u"}
    eventually_shown(pipeline, sql, [pen])
    collect(pipeline, key, "order_placed", name="cap", price=3, size=7, paid_at="2026-01-02T03:04Z")
    sql = "SELECT name, size, paid_at FROM views_seen.order_placed ORDER BY _received_at"
    eventually_shown(
        pipeline,
        sql,
        [
            {"name": "pen", "size": None, "paid_at": None},
            {"name": "cap", "size": 7, "paid_at": "2026-01-02 03:04:00.000"},
        ],
    )
    seen = "SELECT DISTINCT first_seen > '2026-01-01' AS seen FROM headrace.collections"
    assert pipeline.sql(f"{seen} WHERE source_id = 'views_seen'") == [{"seen": True}]


def test_a_promoted_property_reads_the_same(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create("views_hot")
    collect(pipeline, key, "order", price=2.5)
    sql = "SELECT price FROM views_hot.order ORDER BY _received_at"
    eventually_shown(pipeline, sql, [{"price": 2.5}])
    promoted = pipeline.headrace("sources", "promote", "views_hot", "order", "price")
    assert promoted.returncode == 0, promoted.stderr
    column = promoted.stdout.strip()
    definition = "SELECT count() AS n FROM system.tables WHERE database = 'views_hot'"
    eventually(
        lambda: pipeline.sql(
            f"{definition} AND position(create_table_query, {{column:String}}) > 0", column=column
        ),
        until=lambda rows: rows == [{"n": 1}],
        within=EFFECT_SECONDS,
        what="the view reads the column",
    )
    collect(pipeline, key, "order", price=3)
    eventually_shown(pipeline, sql, [{"price": 2.5}, {"price": 3}])
    unknown = pipeline.headrace("sources", "promote", "views_hot", "order", "size")
    assert unknown.returncode == 1
    assert "property-unknown" in unknown.stderr


def test_what_will_not_fit_stays_in_the_event_and_its_cell_is_empty(
    pipeline: Pipeline, admin: Admin
) -> None:
    key = admin.create("views_unfit")
    properties: list[Row] = [
        {"price": 5, "paid": True, "day": "2026-11-20", "tags": [1]},
        {"price": "abc", "paid": "maybe", "day": "someday", "tags": [2, 3]},
        {"price": {"amount": 5}, "paid": 7, "day": False, "tags": "x"},
    ]
    for each in properties:
        # one customer's events stay in order, so the first one decides
        event = {"event_name": "sale", "customer_identifier": "c", **each}
        answer = pipeline.client.post_json("/post", event, x_eventbunker_write_key=key)
        assert answer.status == 200, answer.body
    sql = (
        "SELECT price, paid, toString(day) AS day, tags FROM views_unfit.sale ORDER BY price, tags"
    )
    typed: list[Row] = [
        {"price": 5, "paid": True, "day": "2026-11-20", "tags": [1]},
        {"price": None, "paid": None, "day": None, "tags": []},
        {"price": None, "paid": None, "day": None, "tags": [2, 3]},
    ]
    eventually_shown(pipeline, sql, typed)
    kept = pipeline.sql(
        "SELECT properties FROM headrace.events FINAL WHERE source_id = 'views_unfit'"
    )
    assert sorted(map(json.dumps, (row["properties"] for row in kept))) == sorted(
        json.dumps(dict(sorted(each.items()))) for each in properties
    )
