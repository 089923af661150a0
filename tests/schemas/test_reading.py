from typing import Any

import pytest
from hypothesis import given

from schemas import codec, reading
from schemas.errors import Malformed
from tests.schemas.values import json_values

WHERE = ("body", "events", 3, "id")


def code_of(error: pytest.ExceptionInfo[Malformed]) -> tuple[str, tuple[str | int, ...]]:
    return error.value.code, error.value.where


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "missing"),
        (b" \r\n", "missing"),
        (b"{", "json-invalid"),
        (b"[]", "dict-type"),
        (b"null", "dict-type"),
    ],
)
def test_a_body_that_is_no_object(body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        reading.parse_object(body)
    assert caught.value.code == code


def test_objects() -> None:
    assert reading.parse_object(b' {"a":1}') == {"a": 1}
    assert reading.optional_object(None, WHERE) == {}
    assert reading.optional_object({"a": 1}, WHERE) == {"a": 1}
    with pytest.raises(Malformed) as caught:
        reading.as_object([], WHERE, "model")
    assert code_of(caught) == ("model", WHERE)


def test_texts_are_trimmed_and_bounded() -> None:
    assert reading.as_text(" a ", WHERE) == "a"
    assert reading.optional_text(None, WHERE) == ""
    with pytest.raises(Malformed) as caught:
        reading.optional_text(5, WHERE)
    assert code_of(caught) == ("string-type", WHERE)
    with pytest.raises(Malformed) as caught:
        reading.as_text("abcd", WHERE, 3)
    assert code_of(caught) == ("string-too-long", WHERE)


def test_a_missing_field_is_named() -> None:
    assert reading.required({"a": None}, "a", ("body",)) is None
    with pytest.raises(Malformed) as caught:
        reading.required({}, "a", ("body",))
    assert code_of(caught) == ("missing", ("body", "a"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" u1 ", "u1"),
        (42, "42"),
        (42.0, "42"),
        (1.5, "1.5"),
        ("x" * 1025, ""),
        (None, ""),
        (True, ""),
        ([], ""),
    ],
)
def test_ids_are_text_or_number(value: Any, text: str) -> None:
    assert reading.id_text(value) == text


@given(json_values)
def test_looking_inside_finds_an_object_or_nothing(value: Any) -> None:
    assert isinstance(reading.inside(value, "a"), dict)
    assert reading.inside({"a": {"b": value}}, "a") == {"b": value}


def test_details_are_texts_that_say_something() -> None:
    assert reading.texts(a="x", b="", c=None, d=5, e=["x"]) == {"a": "x"}
    assert reading.as_word("x") == "x"
    assert reading.as_word(5) == ""


@pytest.mark.parametrize(
    ("display", "text"),
    [
        ({"width": 800, "height": 600}, "800x600"),
        ({"width": 800}, ""),
        ({"width": "800", "height": 600}, ""),
        ({}, ""),
    ],
)
def test_screen_size(display: dict[str, Any], text: str) -> None:
    assert reading.screen_size(display) == text


@given(json_values)
def test_small_values_are_within_bounds(value: Any) -> None:
    reading.bound(value)
    reading.bound_line(codec.dumps(value), value)


def test_a_path_is_spelled_for_people() -> None:
    assert reading.spell(WHERE) == "events[3].id"
    assert reading.spell(("body", 0)) == "[0]"
    assert reading.spell(("body",)) == "the body"
