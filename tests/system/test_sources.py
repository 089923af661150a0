"""Sources come and go while everything runs."""

import json
from urllib.parse import urlencode

import pytest

from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.rows import check_bookkeeping, now_ms, rows_of, said

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("sources")]

NEW_SOURCE_SECONDS = 30.0
SOURCES_IN_A_ROW = 6
FIRST_EVENTS = 20


def test_a_new_source_works_end_to_end_at_once(pipeline: Pipeline) -> None:
    key = pipeline.create_source("fresh")["keys"][0]["key"]
    post = {"event_name": "first", "number": 1}
    eventually(
        lambda: pipeline.client.post_json("/post", post, x_eventbunker_write_key=key).status,
        until=lambda status: status == 200,
        within=NEW_SOURCE_SECONDS,
        what="the new source is let in",
    )
    (row,) = rows_of(pipeline, "fresh", 1)
    assert row["properties"] == {"number": 1}


def test_the_first_events_of_sources_made_in_a_row_are_all_found(pipeline: Pipeline) -> None:
    # each new source makes the processors rebalance, while the one before it gets its first events
    keys = {}
    for number in range(SOURCES_IN_A_ROW):
        source_id = f"row-{number}"
        keys[source_id] = pipeline.create_source(source_id)["keys"][0]["key"]
        for sent in range(FIRST_EVENTS):
            post = {"event_name": "first", "number": sent}
            eventually(
                lambda post=post, key=keys[source_id]: (
                    pipeline.client.post_json(  # type: ignore[misc]
                        "/post", post, x_eventbunker_write_key=key
                    ).status
                ),
                until=lambda status: status == 200,
                within=NEW_SOURCE_SECONDS,
                what=f"{source_id} is let in",
            )
    for source_id in keys:
        rows = rows_of(pipeline, source_id, FIRST_EVENTS)
        assert sorted(row["properties"]["number"] for row in rows) == list(range(FIRST_EVENTS))


def test_a_disabled_source_is_refused_and_let_in_again(pipeline: Pipeline) -> None:
    key = pipeline.create_source("switched")["keys"][0]["key"]

    def status() -> int:
        event = {"event_name": "switched"}
        return pipeline.client.post_json("/post", event, x_eventbunker_write_key=key).status

    for command, wanted in (("disable", 401), ("enable", 200)):
        assert pipeline.headrace("sources", command, "switched").returncode == 0
        eventually(
            status,
            until=lambda seen, wanted=wanted: seen == wanted,  # type: ignore[misc]
            within=NEW_SOURCE_SECONDS,
            what=f"{command} has its effect",
        )


def test_a_rotated_key_replaces_the_old_one(pipeline: Pipeline) -> None:
    old = pipeline.create_source("rotated")["keys"][0]["key"]
    rotated = pipeline.headrace("sources", "rotate-key", "rotated")
    (new,) = (key["key"] for key in json.loads(rotated.stdout)["keys"])

    def statuses() -> tuple[int, ...]:
        event = {"event_name": "rotated"}
        answers = [
            pipeline.client.post_json("/post", event, x_eventbunker_write_key=key)
            for key in (old, new)
        ]
        return tuple(answer.status for answer in answers)

    eventually(
        statuses,
        until=lambda seen: seen == (401, 200),
        within=NEW_SOURCE_SECONDS,
        what="the old key is refused and the new one let in",
    )


def test_webhooks_become_events_of_nobody(pipeline: Pipeline) -> None:
    began = now_ms()
    properties = {"order": 7, "lines": [{"sku": "a", "price": 1.5}], "paid": True}
    form = urlencode({"order": "8", "note": "a b"}).encode()
    answers = [
        pipeline.client.post_json("/collect/Order%20Paid/HOOK", properties),
        pipeline.client.send(
            "POST",
            "/tracardi/collect/form/hook",
            [("Content-Type", "application/x-www-form-urlencoded")],
            form,
        ),
        pipeline.client.post_json("/collect/empty/hook/", {}),
    ]
    for answer in answers:
        assert answer.status == 200, answer.body
        assert answer.json["profile"] == {"id": None}
        assert answer.json["session"] == {"id": None}
    rows = rows_of(pipeline, "hook", 3)
    common = {
        "source_id": "hook",
        "protocol": "tracardi",
        "kind": "track",
        "valid": True,
        "ip": "127.0.0.1",
    }
    wanted: tuple[tuple[str, dict[str, object]], ...]
    wanted = (("order-paid", properties), ("form", {"order": "8", "note": "a b"}), ("empty", {}))
    assert len(rows) == len(wanted)
    for row, (event_type, sent) in zip(rows, wanted, strict=True):
        expected = {**common, "event_type": event_type, "event_time": row["received_at"]}
        assert said(row) == (expected | {"properties": sent} if sent else expected)
        assert row["profile_id"] == row["session_id"] == ""
        check_bookkeeping(row, since_ms=began)
