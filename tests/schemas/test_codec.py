import json
import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import Malformed
from tests.schemas.values import json_values


@given(json_values)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert codec.loads(codec.dumps(value)) == value


@given(st.binary())
def test_arbitrary_bytes_are_a_value_or_malformed(data: bytes) -> None:
    try:
        codec.loads(data)
    except Malformed as error:
        outcome = error.code
    else:
        outcome = "read"
    assert outcome in {"json-invalid", "read"}


def test_the_fault_is_located() -> None:
    with pytest.raises(Malformed) as caught:
        codec.loads(b'{"a": 1, nope}')
    assert caught.value.where == (9,)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_is_an_error_and_never_a_full_stack(opening: bytes) -> None:
    with pytest.raises(Malformed):
        codec.loads(opening * 1_000_000)


def test_what_is_kept_weighs_what_it_says() -> None:
    tracemalloc.start()
    kept = [codec.dumps({"a": number}) for number in range(1_000)]
    weight, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert weight < 2 * sum(map(sys.getsizeof, kept)), "no buffer is kept with it"


def test_what_json_cannot_hold_is_malformed() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    for value in (deep, {1, 2}, 2**64, "\ud800"):
        with pytest.raises(Malformed) as caught:
            codec.dumps(value)
        assert caught.value.code == "json-unserialisable"


@given(json_values)
def test_one_line_keeps_the_meaning(value: Any) -> None:
    document = json.dumps(value, indent=1).replace("\n", "\r\n").encode()
    line = codec.one_line(document)
    assert b"\n" not in line
    assert b"\r" not in line
    assert codec.loads(line) == value


def test_embedded_bytes_are_written_as_they_are() -> None:
    assert codec.dumps({"a": codec.embed(b"1.0e0")}) == b'{"a":1.0e0}'


@given(st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line)))
def test_lines_come_apart_as_they_were_joined(lines: list[bytes]) -> None:
    assert codec.split_lines(codec.join_lines(lines)) == lines


def test_empty_lines_are_no_events() -> None:
    assert codec.split_lines(b"\n1\n\n2\n") == [b"1", b"2"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (rb'"cut \ud83d"', "cut \ufffd"),
        (rb'"\uDE00 cut"', "\ufffd cut"),
        (rb'"\ud83dA"', "\ufffdA"),
        (rb'"\ud83d\u0041"', "\ufffdA"),
        (rb'"\ud83d\ud83d\ude00\ude00"', "\ufffd\U0001f600\ufffd"),
        (rb'"\\\ud83d \\ud83d \n\u00e4"', "\\\ufffd \\ud83d \n\u00e4"),
        (rb'{"\udc00": ["\ud800", "\ud83d\ude00"]}', {"\ufffd": ["\ufffd", "\U0001f600"]}),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'\xef\xbb\xbf"\\ud800"', "\ufffd"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_what_strict_parsers_refuse_and_clients_send(document: bytes, expected: Any) -> None:
    assert codec.loads(document) == expected
    assert codec.loads(bytearray(document)) == expected
    assert codec.loads(document.decode()) == expected


@pytest.mark.parametrize(
    "document",
    [rb'"\ud83d', rb'["\ud83d" nope]', rb'"\ud8"', b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf1"],
)
def test_other_faults_stay_faults(document: bytes) -> None:
    with pytest.raises(Malformed):
        codec.loads(document)


@pytest.mark.parametrize("escape", [rb"\ud83d", rb"\ud83d\ude00", rb"\n", rb"\\", b"x"])
def test_mending_has_bounds(escape: bytes) -> None:
    with pytest.raises(Malformed):
        codec.loads(b'["' + escape * 500_000 + rb'\ud83d" nope]')


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_any_text_that_python_can_hold_is_read(text: str) -> None:
    assert codec.loads(json.dumps(text)) == text.encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    )
