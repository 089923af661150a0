"""EventBunker's documented examples: every event it accepts, every event it refuses."""

import gzip
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.system.client import Answer
from tests.system.demo import KEY_HEADER
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import (
    STORED_SECONDS,
    as_json_column,
    check_bookkeeping,
    milliseconds,
    now_ms,
    said,
)
from tests.system.topics import end_offsets, undelivered

pytestmark = pytest.mark.system

CASES: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("eventbunker.json").read_text()
)
COLUMNS_OF_THEIR_OWN = {"event_name", "timestamp", "customer_identifier"}


def post(pipeline: Pipeline, body: bytes, *headers: tuple[str, str]) -> Answer:
    key = (KEY_HEADER, pipeline.demo_key)
    return pipeline.client.send("POST", "/post", [key, *headers], body)


def row_of(pipeline: Pipeline, event_id: str) -> Row:
    """Wait for the event that was answered with this id."""
    (row,) = eventually(
        lambda: pipeline.sql(
            "SELECT * FROM headrace.events FINAL WHERE event_id = {id:UUID}", id=event_id
        ),
        within=STORED_SECONDS,
        what=f"event {event_id} is stored",
    )
    return row


@pytest.mark.parametrize("case", CASES["accepted"], ids=lambda case: str(case["name"]))
def test_accepted_events_field_by_field(pipeline: Pipeline, case: dict[str, Any]) -> None:
    event, began = case["event"], now_ms()
    answer = post(pipeline, json.dumps(event).encode(), ("Content-Type", "application/json"))
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"unique_req_id", "time_recorded"}
    assert UUID(answer.json["unique_req_id"])
    assert began <= answer.json["time_recorded"] <= now_ms()
    row = row_of(pipeline, answer.json["unique_req_id"])
    assert milliseconds(row["received_at"]) == answer.json["time_recorded"]
    properties = {name: event[name] for name in event if name not in COLUMNS_OF_THEIR_OWN}
    expected = {
        "source_id": "demo",
        "protocol": "eventbunker",
        "kind": "track",
        "event_type": event["event_name"],
        "event_time": row["received_at"],
        "properties": as_json_column(properties),
        "valid": True,
        "ip": "127.0.0.1",
        **case.get("columns", {}),
    }
    assert said(row) == {name: value for name, value in expected.items() if value != {}}
    assert row["profile_id"] == row["session_id"] == "", "the event is nobody's"
    check_bookkeeping(row, since_ms=began)


@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "raw bytes"])
def test_a_gzip_body_is_understood(pipeline: Pipeline, labelled: bool) -> None:
    body = gzip.compress(json.dumps({"event_name": "zipped", "size": 1}).encode())
    label = [("Content-Encoding", "gzip")] if labelled else []
    answer = post(pipeline, body, *label)
    assert answer.status == 200, answer.body
    row = row_of(pipeline, answer.json["unique_req_id"])
    assert (row["event_type"], row["properties"]) == ("zipped", {"size": 1})


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: str(case["name"]))
def test_refused_events_say_why_and_store_nothing(pipeline: Pipeline, case: dict[str, Any]) -> None:
    before = end_offsets(pipeline, "demo")
    answer = post(pipeline, case["body"].encode())
    assert answer.status == 400, answer.body
    assert answer.json["error"]
    assert end_offsets(pipeline, "demo") == before


def test_a_missing_an_unknown_and_a_reading_key_get_three_texts(pipeline: Pipeline) -> None:
    rotated = pipeline.headrace("sources", "rotate-key", "demo", "--type", "query")
    query_key = json.loads(rotated.stdout)["keys"][-1]["key"]
    before = end_offsets(pipeline, "demo")

    def refusals() -> set[str]:
        answers = [
            pipeline.client.send("POST", "/post", headers, b'{"event_name": "e"}')
            for headers in ([], [(KEY_HEADER, "nobody's")], [(KEY_HEADER, query_key)])
        ]
        assert [answer.status for answer in answers] == [401, 401, 401]
        return {answer.json["error"] for answer in answers}

    eventually(refusals, until=lambda said: len(said) == 3, within=30, what="three texts")
    assert end_offsets(pipeline, "demo") == before


def a_key(pipeline: Pipeline, kind: str) -> str:
    """A new key of the demo source, known to the edge."""
    rotated = pipeline.headrace("sources", "rotate-key", "demo", "--type", kind)
    key = str(json.loads(rotated.stdout)["keys"][-1]["key"])
    eventually(
        lambda: call(pipeline, kind, key, {"customer_identifier": "nobody's"}).status,
        until=lambda status: status != 401,
        within=30,
        what=f"the {kind} key is known",
    )
    return key


def call(pipeline: Pipeline, kind: str, key: str, body: dict[str, Any]) -> Answer:
    header = (f"x-eventbunker-{kind}-key", key)
    return pipeline.client.send("POST", f"/v1/{kind}/json", [header], json.dumps(body).encode())


def test_events_are_asked_and_deleted_by_their_customer(pipeline: Pipeline) -> None:
    query_key, delete_key = a_key(pipeline, "query"), a_key(pipeline, "delete")
    question = {
        "time_period": "minus_5_minutes",
        "group_by": ["customer_identifier", "cart.currency"],
        "computations": [{"function": "count"}, {"field_name": "price", "function": "sum"}],
        "filters": [{"field_name": "event_name", "op": "equals", "value": "asked"}],
        "order_by": [{"field_name": "customer_identifier", "direction": "DESC"}],
    }

    def asked() -> Any:
        answer = call(pipeline, "query", query_key, question)
        assert answer.status == 200, answer.body
        return answer.json["data"]

    assert call(pipeline, "query", query_key, question).json == {"data": []}
    for customer, price in (("ask-1", 2.5), ("ask-1", 3), ("ask-2", 1)):
        event: dict[str, Any] = {
            "event_name": "asked",
            "customer_identifier": customer,
            "price": price,
        }
        event["cart"] = {"currency": "CHF"}
        assert post(pipeline, json.dumps(event).encode()).status == 200
    second = {"customer_identifier": "ask-2", "cart.currency": "CHF", "count": 1, "sum_price": 1}
    first = {"customer_identifier": "ask-1", "cart.currency": "CHF", "count": 2, "sum_price": 5.5}
    eventually(
        asked,
        until=lambda data: data == [second, first],
        within=STORED_SECONDS,
        what="three events in two groups",
    )
    answer = call(pipeline, "delete", delete_key, {"customer_identifier": "ask-1"})
    assert answer.json == {"status": "deleted", "deleted_events": 2}
    assert asked() == [second]


def test_events_on_their_way_are_deleted_when_they_arrive(pipeline: Pipeline) -> None:
    delete_key = a_key(pipeline, "delete")
    event = {"event_name": "late", "customer_identifier": "leaving"}
    answers = [post(pipeline, json.dumps(event).encode()) for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    gone = call(pipeline, "delete", delete_key, {"customer_identifier": "leaving"})
    assert gone.status == 200, gone.body
    eventually(
        lambda: undelivered(pipeline),
        until=lambda left: not left,
        within=STORED_SECONDS,
        what="everything accepted is stored",
    )
    eventually(
        lambda: pipeline.sql("SELECT count() AS n FROM headrace.events WHERE group_id = 'leaving'"),
        until=lambda rows: int(rows[0]["n"]) == 0,
        within=STORED_SECONDS,
        what="nothing of the customer is left",
    )
