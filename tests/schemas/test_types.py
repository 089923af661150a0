"""The two tables of facts 2.3, cell by cell, and the laws of a cast."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.types import PLAIN, coerce, infer, is_type, surely, widens
from tests.schemas.values import json_values

KINDS = [*PLAIN, "json", *(f"{outer}<{inner}>" for outer in ("array", "map") for inner in PLAIN)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2024-05-17", "date"),
        ("2024-5-7", "date"),
        ("2024-02-30", "string"),
        ("2019-13-01", "string"),
        ("2019-01", "string"),
        ("19-01-01", "string"),
        ("12345-01-01", "string"),
        ("0001-01-01", "string"),
        ("2019-01-01T10:11:12Z", "timestamp"),
        ("2019-01-01T10:11:12", "timestamp"),
        ("2019-01-01T10:11", "timestamp"),
        ("2019-01-01T10", "timestamp"),
        ("2019-01-01T10:11:12.123456789Z", "timestamp"),
        ("2019-01-01T10:11:12+0300", "timestamp"),
        ("2019-01-01 10:11", "timestamp"),
        ("2019-1-1 10:11:12", "timestamp"),
        ("2019-01-01 10:11:12+03:00", "timestamp"),
        ("2019-01-01 10:11:12.123456", "timestamp"),
        ("2019-01-01 10:11:12 UTC", "timestamp"),
        ("2019-1-1 10:11:12 -05", "timestamp"),
        ("2019-01-01 25:11:12", "string"),
        ("2019-1-1 25:11:12", "string"),
        ("2019-01-01T10:11:12+99:00", "string"),
        ("2019-1-1 10:11:12+99:00", "string"),
        ("0001-1-1 10:11:12", "string"),
        ("0001-01-01T00:00:00Z", "string"),
        ("T10:11:12.000", "string"),
        ("4000-12-01-1234", "string"),
        ("20190101T101112Z", "string"),
        ("1546300800000", "string"),
        ("+49 30 1234567", "string"),
        ("Tue, 01 Jan 2019 10:11:12 GMT", "string"),
        ("01/02/2019 10:11", "string"),
        ("12.5", "string"),
        ("", "string"),
        (5, "double"),
        (5.5, "double"),
        (1 << 63, "double"),
        (True, "boolean"),
        (["a", "b"], "array<string>"),
        ([None, 5, 2.5], "array<double>"),
        ([True], "array<boolean>"),
        (["2024-05-17", "2024-05-18"], "array<date>"),
        (["2024-05-17", "soon"], "array<string>"),
        ([1, "a"], "json"),
        ([{"sku": 1}], "json"),
        ([[1], [2]], "json"),
        ({"a": 1}, "json"),
        ({"a": {"b": [1]}}, "json"),
        (None, None),
        ([], None),
        ({}, None),
        ([None], None),
        ({"a": None}, None),
    ],
    ids=repr,
)
def test_the_first_value_decides(value: Any, kind: str | None) -> None:
    assert infer(value) == kind
    if kind is not None:
        assert is_type(kind)
        assert coerce(kind, value)[1]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": 1}, "map<double>"),
        ({"a": None, "b": "x", "c": 1}, "map<string>"),
        ({"a": {"b": 1}}, "json"),
        ({"a": None}, None),
        ([1, "a"], "array<double>"),
        ([{"sku": 1}], "json"),
        ([], None),
        ("x", "string"),
    ],
    ids=repr,
)
def test_the_first_element_decides_where_it_is_wanted(value: Any, kind: str | None) -> None:
    assert infer(value, flat=True) == kind


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("array<double>", [1, "x", [2], {"a": 3}], [1]),
        ("map<double>", {"a": 1, "b": "x", "c": {"d": 1}}, {"a": 1}),
    ],
)
def test_what_fits_of_many_is_kept(kind: str, value: Any, kept: Any) -> None:
    assert coerce(kind, value) == (kept, False)


def test_of_an_unknown_type_everything_is_one() -> None:
    assert coerce("tuple<x>", [1]) == ([1], True)


@given(kind=st.sampled_from(KINDS), value=json_values)
def test_what_is_sure_to_fit_does(kind: str, value: Any) -> None:
    sure = surely(kind)
    if sure is not None and sure(value):
        assert coerce(kind, value) == (value, True)


@pytest.mark.parametrize(
    ("kind", "value", "is_sure"),
    [
        ("timestamp", "2024-05-17T10:00:00Z", True),
        ("timestamp", "2024-5-17 10:00:00", False),
        ("timestamp", 5, False),
        ("date", "2024-05-17", True),
        ("date", "2024-5-7", False),
        ("array<double>", [1, 2.5, None], True),
        ("array<double>", [True], False),
        ("array<double>", 5, False),
        ("array<long>", [5], None),
        ("map<double>", {"a": 5}, None),
        ("double", 5, None),
    ],
)
def test_the_quick_test_finds_what_fits(kind: str, value: Any, is_sure: bool | None) -> None:
    sure = surely(kind)
    assert (sure and sure(value)) is is_sure


@pytest.mark.parametrize("kind", KINDS)
def test_null_is_null_everywhere(kind: str) -> None:
    assert coerce(kind, None) == (None, True)


@given(kind=st.sampled_from(KINDS), value=json_values)
def test_a_cast_never_raises_and_casts_once(kind: str, value: Any) -> None:
    found, whole = coerce(kind, value)
    codec.dumps(found)
    assert coerce(kind, found) == (found, True)
    if whole and type(found) is type(value) and type(value) not in {str, float, list, dict}:
        assert found == value


@given(value=json_values, flat=st.booleans())
def test_a_first_value_fits_its_own_type(value: Any, flat: bool) -> None:
    kind = infer(value, flat=flat)
    if kind is not None:
        found, whole = coerce(kind, value)
        assert whole or flat
        if not flat and kind in {"string", "double", "boolean", "json"}:
            assert found is value


@pytest.mark.parametrize(
    ("old", "new", "does"),
    [
        ("integer", "long", True),
        ("integer", "double", True),
        ("long", "double", False),
        ("long", "integer", False),
        ("date", "timestamp", True),
        ("double", "string", False),
        ("double", "double", True),
        ("array<integer>", "array<long>", True),
        ("array<integer>", "map<long>", False),
        ("array<integer>", "integer", False),
        ("map<double>", "json", True),
        ("json", "string", False),
    ],
)
def test_a_type_widens_where_nothing_is_lost(old: str, new: str, does: bool) -> None:
    assert widens(old, new) is does
