import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import answers, codec
from schemas.answers import Told
from schemas.errors import Malformed
from tests.schemas.values import json_texts, json_values

tolds = st.builds(
    Told,
    ask=json_texts,
    event_id=json_texts,
    event_type=json_texts,
    profile_id=json_texts,
    session_id=json_texts,
    saved=st.booleans(),
    opened=st.booleans(),
    errors=st.lists(json_texts, max_size=3).map(tuple),
)


@given(tolds)
def test_what_is_written_is_read_back(told: Told) -> None:
    line = answers.write(told)
    assert b"\n" not in line
    assert answers.read(line) == told


def test_fields_of_a_newer_version_are_ignored() -> None:
    line = codec.dumps({"ask": "1:a", "event_id": "e", "mood": "good"})
    assert answers.read(line) == Told("1:a", "e")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "json-invalid"),
        (b"[]", "answer-invalid"),
        (b'{"ask": "1:a"}', "answer-invalid"),
        (b'{"ask": ["1:a"], "event_id": "e"}', "answer-invalid"),
        (b'{"ask": "1:a", "event_id": "e", "errors": "none"}', "answer-invalid"),
    ],
)
def test_other_lines_are_malformed(line: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        answers.read(line)
    assert caught.value.code == code


@given(st.binary() | json_values.map(codec.dumps))
def test_any_line_is_an_answer_or_malformed(line: bytes) -> None:
    try:
        told = answers.read(line)
    except Malformed:
        return
    assert isinstance(told, Told)


@pytest.mark.parametrize(
    ("ask", "partition"),
    [
        ("0:x", 0),
        ("11:x:y", 11),
        ("99999:", 99999),
        ("100000:x", -1),
        ("", -1),
        ("3", -1),
        (":x", -1),
        ("-1:x", -1),
        ("²:x", -1),
        ("a:x", -1),
    ],
)
def test_an_ask_says_where_its_answer_is_wanted(ask: str, partition: int) -> None:
    assert answers.partition_of(ask) == partition
