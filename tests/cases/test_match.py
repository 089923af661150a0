"""The judge judged: what it lets pass, what it must not, and what it says."""

from typing import Any

import pytest

from tests.cases.match import differences, reply_differences, row_differences, rows_differences
from tests.system.rows import now_ms


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        (1, 1.0),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": []}}, {"a": {"b": [], "c": 1}, "d": 1}),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
        ({"a": "<absent>"}, {"b": 1}),
        ({"a": None}, {"a": None}),
        ("<uuid>", "01920000-0000-7000-8000-000000000000"),
        ("<int>", 5),
        ("<iso>", "2026-11-20T10:00:00.000Z"),
        ("<iso>", "2026-11-20T10:00:00+02:00"),
        ("<text>", "x"),
        ("<any>", None),
        ("a <any>", "a <any>"),
    ],
)
def test_what_fits(expected: Any, seen: Any) -> None:
    assert list(differences(expected, seen)) == []


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        (1, True),
        (0, False),
        (True, 1),
        (1, "1"),
        ("1", 1),
        (None, ""),
        (None, False),
        ({}, []),
        ([], {}),
        ([1], [1, 2]),
        ([1, 2], [1, 1]),
        ({"a": 1}, {"b": 1}),
        ({"a": None}, {}),
        ({"a": "<any>"}, {}),
        ({"a": "<absent>"}, {"a": None}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}),
        ("<uuid>", "01920000-0000-7000-8000"),
        ("<uuid>", "01920000-0000-7000-8000-00000000000A"),
        ("<int>", True),
        ("<int>", 5.0),
        ("<iso>", "2026-11-20"),
        ("<iso>", 5),
        ("<now>", "2020-11-20T10:00:00.000Z"),
        ("<now>", "now"),
        ("<text>", ""),
    ],
)
def test_what_does_not_fit(expected: Any, seen: Any) -> None:
    assert len(list(differences(expected, seen))) == 1


def test_now_is_within_minutes() -> None:
    assert list(differences("<now>", now_ms())) == []
    assert len(list(differences("<now>", now_ms() - 3_600_000))) == 1


def test_a_difference_says_where() -> None:
    (said,) = differences({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "json")
    assert said == "json.a[0].b: expected 1, found 2"


@pytest.mark.parametrize("empty", ["", None, [], {}, "<absent>"])
def test_an_empty_column_is_as_good_as_none(empty: Any) -> None:
    nothing: list[dict[str, Any]] = [{}, {"a": ""}, {"a": []}, {"a": {}}, {"a": None}]
    for seen in nothing:
        assert row_differences({"a": empty}, seen) == []
    assert len(row_differences({"a": empty}, {"a": "x"})) == 1
    assert len(row_differences({"a": empty}, {"a": 0})) == 1
    assert len(row_differences({"a": empty}, {"a": False})) == 1


def test_rows_are_matched_in_any_order_each_with_its_own() -> None:
    loose, strict = {"a": 1}, {"a": 1, "b": 2}
    seen = [{"a": 1, "b": 2}, {"a": 1, "b": 3}]
    assert rows_differences([loose, strict], seen, "row") == []
    assert rows_differences([strict, loose], seen, "row") == []


def test_a_missing_row_and_one_too_many_are_named() -> None:
    missing, extra = rows_differences([{"a": 1}], [{"a": 2}], "row")
    assert missing == "no row fits {'a': 1}; nearest: a: expected 1, found 2"
    assert extra == "a row too many: {'a': 2}"
    assert rows_differences([{"a": 1}, {"a": 1}], [{"a": 1}], "row") == [
        "no row fits {'a': 1}; nearest: fits another as well"
    ]
    assert rows_differences([{"a": 1}], [], "row") == [
        "no row fits {'a': 1}; nearest: there is none"
    ]


def test_a_reply_is_judged_by_status_body_and_headers() -> None:
    headers = {"x-a": "1"}
    expected = {"status": 400, "json": {"a": 1}, "headers": {"X-A": "1", "x-b": None}}
    assert reply_differences(expected, 400, headers, b'{"a":1}', {"a": 1}) == []
    assert reply_differences({"text": "1"}, 200, {}, b"1", 1) == []
    wrong = {"json": {"a": 2}, "text": "x", "headers": {"x-a": None}}
    assert len(reply_differences(wrong, 500, headers, b"1", 1)) == 4
