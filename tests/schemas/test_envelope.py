from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec, envelope
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.reading import MAX_DEPTH, MAX_KEYS
from tests.schemas.values import json_values

RAW = RawEvent(
    event_id="6f1d3c1e-0c9e-5b0a-9d0e-68656164726e",
    source_id="shop",
    protocol="filum",
    endpoint="events",
    received_at=1_795_196_896_499,
    ip="198.51.100.7",
    user_agent="curl/8",
    visitor="u1",
    message_id="",
    profile_id="",
    session_id="",
    batch=None,
    body={"a": 1},
)


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@given(json_values, json_values)
def test_what_is_written_is_read_back(body: Any, batch: Any) -> None:
    raw = replace(RAW, body=body, batch=batch)
    line = codec.dumps(raw)
    assert envelope.read(line) == raw
    embedded = replace(raw, body=codec.embed(codec.dumps(body)))
    assert codec.dumps(embedded) == line


@given(json_values, json_values, st.sampled_from(["", "3:x"]), st.booleans())
def test_a_head_writes_the_same_event(body: Any, batch: Any, ask: str, extends: bool) -> None:
    head = envelope.Head(
        source_id=RAW.source_id,
        protocol=RAW.protocol,
        endpoint=RAW.endpoint,
        received_at=RAW.received_at,
        ip=RAW.ip,
        user_agent=RAW.user_agent,
        batch=codec.dumps(batch),
        extends=extends,
    )
    line = head.line(
        event_id=RAW.event_id,
        visitor=RAW.visitor,
        message_id=RAW.message_id,
        profile_id=RAW.profile_id,
        session_id=RAW.session_id,
        body=codec.dumps(body),
        ask=ask,
    )
    assert envelope.read(line) == replace(RAW, body=body, batch=batch, ask=ask, extends=extends)


@given(st.binary() | json_values.map(codec.dumps))
def test_any_other_line_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        envelope.read(line)
    assert caught.value.code in {"json-invalid", "envelope-invalid"}


@pytest.mark.parametrize(
    "change",
    [
        {"received_at": "now"},
        {"ask": None},
        {"extends": 1},
        {"received_at": True},
        {"received_at": -1},
        {"received_at": 2**62},
        {"event_id": None},
        {"visitor": 1},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_field_of_the_wrong_kind_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        envelope.read(codec.dumps(asdict(RAW) | change))
    assert caught.value.code == "envelope-invalid"


def test_a_missing_field_is_malformed() -> None:
    record = asdict(RAW)
    del record["visitor"]
    with pytest.raises(Malformed, match="visitor"):
        envelope.read(codec.dumps(record))


@pytest.mark.parametrize("field", ["body", "batch"])
def test_depth_is_bounded_in_body_and_batch(field: str) -> None:
    deepest = replace(RAW, **{field: nested(MAX_DEPTH)})
    assert envelope.read(codec.dumps(deepest)) == deepest
    for depth in (MAX_DEPTH + 1, 200):
        with pytest.raises(Malformed) as caught:
            envelope.read(codec.dumps(replace(RAW, **{field: nested(depth)})))
        assert caught.value.code == "json-too-deep"


def test_width_is_bounded() -> None:
    widest = replace(RAW, body={"inner": {str(n): n for n in range(MAX_KEYS)}})
    assert envelope.read(codec.dumps(widest)) == widest
    wider = replace(RAW, body={"inner": {str(n): n for n in range(MAX_KEYS + 1)}})
    with pytest.raises(Malformed) as caught:
        envelope.read(codec.dumps(wider))
    assert caught.value.code == "too-many-keys"
