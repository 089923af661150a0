import base64
import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas import dead

LETTER = dead.DeadLetter(
    stage="process",
    code="name-invalid",
    reason="property names are ASCII",
    source_id="shop",
    event_id="6f1d3c1e-0c9e-5b0a-9d0e-68656164726e",
    topic="headrace.raw.shop",
    partition=3,
    offset=17,
    failed_at=1_795_196_896_499,
    original=b'{"a":1}',
)


def test_every_field_is_a_column() -> None:
    assert json.loads(dead.write(LETTER)) == {
        "stage": "process",
        "code": "name-invalid",
        "reason": "property names are ASCII",
        "source_id": "shop",
        "event_id": "6f1d3c1e-0c9e-5b0a-9d0e-68656164726e",
        "topic": "headrace.raw.shop",
        "partition": 3,
        "offset": 17,
        "failed_at": "2026-11-20T17:48:16.499Z",
        "original": '{"a":1}',
        "original_encoding": "utf8",
    }


@given(st.binary())
def test_the_original_comes_back_byte_for_byte(original: bytes) -> None:
    line = dead.write(replace(LETTER, original=original))
    assert b"\n" not in line
    value = json.loads(line)
    text = value["original"]
    decoded = base64.b64decode(text) if value["original_encoding"] == "base64" else text.encode()
    assert decoded == original
