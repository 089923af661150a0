"""What `headrace tail` and `headrace trace` say of an event, whatever is in it."""

import json
from typing import Any
from uuid import UUID

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy import cli
from deploy.passing import STAGES, passing
from deploy.search import Found
from deploy.told import as_json, told
from deploy.trace import Trace, drawn_at
from schemas import heartbeat, ids
from schemas.topics import HEARTBEAT

AT = 1_795_000_000_123
EVENT_ID = ids.uuid7(AT, 5)
PLACE = ("headrace.raw.shop", 2, 17)
RAW = heartbeat.line(EVENT_ID, "edge", AT).replace(HEARTBEAT.encode(), b"shop")


def record(topic: str, offset: int, line: bytes = RAW, *, copy: bool = False) -> Found:
    return Found(topic, 2, offset, AT + offset, line, copy)


@given(line=st.binary(max_size=200), stage=st.sampled_from(STAGES))
def test_something_is_said_of_any_bytes(line: bytes, stage: Any) -> None:
    said = passing(stage, line, AT, PLACE)
    assert said.text().isprintable()
    assert json.loads(said.json())["stage"] == stage


def test_a_line_is_aligned_and_moves_no_cursor() -> None:
    value = {"event_id": EVENT_ID, "source_id": "shop", "event_type": "a\x1b[31mb" * 9}
    said = passing("events", json.dumps(value).encode(), AT, PLACE)
    assert said.clock() == "11:06:40.123"
    assert said.text() == f"{'shop':<12} a�[31mba�[31mba�[31mba�… {'-':<36} {EVENT_ID}"


def test_a_raw_event_has_the_type_that_its_vendor_reads() -> None:
    line = heartbeat.line(EVENT_ID, "edge", AT)
    assert passing("raw", line, AT, PLACE).what == "heartbeat"
    assert passing("raw", RAW, AT, PLACE).what == "heartbeat/"


def test_a_letter_has_its_code_and_reason() -> None:
    line = b'{"code":"json-invalid","reason":"no JSON","source_id":"shop","event_id":"x"}'
    said = json.loads(passing("dead", line, AT, PLACE).json())
    assert (said["event_type"], said["reason"], said["offset"]) == ("json-invalid", "no JSON", 17)


EVENTS, DEAD, SHOP = "headrace.events", "headrace.dead", "headrace.raw.shop"
PASSED = {(SHOP, 2): 100, (EVENTS, 2): 100, (DEAD, 2): 100}
ROW = {
    **dict.fromkeys(("source_id", "protocol", "kind", "event_type", "message_id"), "x"),
    **dict.fromkeys(("profile_id", "session_id"), ""),
    **dict.fromkeys(("event_time", "received_at", "stored_at"), AT),
    "valid": True,
    "partition": 2,
    "offset": 3,
}
LETTER = {
    **dict.fromkeys(("letter_id", "stage", "code", "reason", "source_id", "topic"), "x"),
    "partition": 2,
    "offset": 3,
    "failed_at": AT,
    "stored_at": AT,
}


@pytest.mark.parametrize(
    ("state", "parts"),
    [
        ("unknown", {}),
        ("stored", {"rows": [ROW], "letters": [LETTER]}),
        ("dead", {"letters": [LETTER], "raw": [record(SHOP, 200)]}),
        ("processing", {"raw": [record(SHOP, 200)]}),
        ("storing", {"raw": [record(SHOP, 1)], "events": [record(EVENTS, 100)]}),
        ("burying", {"raw": [record(SHOP, 1)], "dead": [record(DEAD, 100, b"{}")]}),
        ("unsaved", {"raw": [record(SHOP, 1)], "unsaved": True}),
        ("missing", {"raw": [record(SHOP, 1)]}),
        ("missing", {"raw": [record(SHOP, 1)], "events": [record(EVENTS, 1)], "unsaved": True}),
        ("heartbeat", {"raw": [record(SHOP, 1, heartbeat.line(EVENT_ID, "edge", AT))]}),
    ],
)
def test_where_an_event_is_follows_from_what_was_found(state: str, parts: dict[str, Any]) -> None:
    trace = Trace(EVENT_ID, committed=PASSED, **parts)
    assert trace.state == state
    assert as_json(trace)["state"] == state
    assert [line.split()[0] for line in told(trace, AT)][:2] == ["event", "state"]


def test_the_words_name_each_step_in_the_order_of_the_way() -> None:
    trace = Trace(
        EVENT_ID,
        rows=[ROW],
        raw=[record(SHOP, 1), record(SHOP, 2), record(SHOP, 4, copy=True)],
        events=[record(EVENTS, 3), record(EVENTS, 5), record(EVENTS, 100)],
        committed=PASSED,
    )
    lines = [line for line in told(trace, AT + 1_100) if not line.startswith(" ")]
    names = [line.split()[0] for line in lines]
    assert names == [
        *("event", "state", "received", "again", "replayed"),
        *("processed", "repeated", "repeated", "stored", "read"),
    ]
    assert "           waits for the sink for 1.0 s, 0 records before it" in told(trace, AT + 1_100)


def test_only_a_uuid_of_version_7_tells_when_it_was_drawn() -> None:
    assert drawn_at(EVENT_ID) == AT
    assert drawn_at(str(UUID(int=0xFFFF))) is None


def test_an_id_of_the_client_s_own_needs_its_source() -> None:
    done = CliRunner().invoke(cli.headrace, ["trace", "order-17"])
    assert done.exit_code == click.UsageError.exit_code
    assert "--source" in done.stderr
