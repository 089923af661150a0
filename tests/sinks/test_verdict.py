import pytest

from sinks import verdict
from sinks.verdict import POISON, RETRY, STOP, Verdict, judge, row_of
from sinks.write import split


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (None, "Network Error", RETRY),
        (241, "Memory limit exceeded", RETRY),
        (243, "Not enough space", RETRY),
        (252, "Too many parts (3001)", RETRY),
        (252, "Too many partitions for single INSERT block (more than 100)", POISON),
        (117, "Cannot parse JSON object here", POISON),
        (349, "Cannot insert NULL value: (at row 3)", POISON),
        (117, "Unknown field found while parsing JSONEachRow format: x: (at row 1)", STOP),
        (115, "Unknown setting", STOP),
        (516, "Authentication failed", STOP),
        (60, "Unknown table", Verdict(1, "stop")),
        (33, "Cannot read all data: (at row 4)", Verdict(1, "poison")),
        (9_999, "never heard of", Verdict(5, "stop")),
    ],
)
def test_what_an_error_means(code: int | None, message: str, expected: Verdict) -> None:
    assert judge(code, message) == expected


@pytest.mark.parametrize(
    ("message", "row"),
    [
        ("(while reading the value of key a): (at row 2) : While executing", 1),
        ('value "(at row 9)" is wrong: (at row 2)', 1),
        ("no row", None),
    ],
)
def test_the_row_that_an_error_names(message: str, row: int | None) -> None:
    assert row_of(message) == row


def test_a_reason_is_short() -> None:
    assert len(verdict.Failed("c", "x" * 10_000).message) == verdict.REASON_CHARS


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize("suspect", [None, -1, 0, 1, 9, 10])
def test_a_split_is_smaller_and_loses_nothing(count: int, suspect: int | None) -> None:
    part = list(range(count))
    parts = split(part, suspect)
    assert [row for piece in parts for row in piece] == part
    assert all(0 < len(piece) < count for piece in parts)
