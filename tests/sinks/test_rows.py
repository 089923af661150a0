import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import Malformed
from schemas.events import iso
from sinks import rows
from sinks.rows import Poison, Row
from tests.sinks import lines
from tests.sinks.lines import NOVEMBER, event, event_id, packed

SEVEN = 0xABCDEF


def test_the_head_gives_id_source_and_month() -> None:
    row = rows.events(event(7), 3, 17)
    received = iso(NOVEMBER).encode()
    key = event_id(7).encode() + b"shop"
    assert row == Row(key, b"2026-11", 3, 17, event(7), received=received)


@pytest.mark.parametrize(
    "line",
    [
        codec.dumps(dict(reversed(codec.loads(event(SEVEN)).items()))),
        event(SEVEN).replace(b'{"event_id"', b'  { "event_id"'),
        event(SEVEN).replace(event_id(SEVEN).encode(), event_id(SEVEN).upper().encode()),
        event(SEVEN).replace(b'"source_id":"shop"', b'"source_id" : "shop"'),
    ],
    ids=["another order", "blanks in front", "upper case", "blanks inside"],
)
def test_another_head_gives_the_same_row(line: bytes) -> None:
    row = rows.events(line, 3, 17)
    assert (row.key, row.month) == (event_id(SEVEN).encode() + b"shop", b"2026-11")
    assert row.original == line
    assert row.line.startswith(b"{")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "json-invalid"),
        (b"{", "json-invalid"),
        (b"[]", "line-invalid"),
        (b"{}", "line-invalid"),
        (b"\xff", "json-invalid"),
        (event(1).replace(b'"event_id":"0', b'"event_id":"x'), "event-id-invalid"),
        (event(1).replace(b'"event_id"', b'"event"'), "line-invalid"),
        (event(1).replace(b"T18:00", b" 18:00"), "line-invalid"),
        (event(1).replace(b'"2026-11-20T18:00:00.000Z"', b"1795197600000"), "line-invalid"),
        (event(1).replace(b'"source_id":"shop"', b'"source_id":7'), "line-invalid"),
    ],
)
def test_a_line_that_is_no_event_has_a_code(line: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        rows.events(line, 0, 0)
    assert caught.value.code == code


@given(st.binary(max_size=300))
def test_any_bytes_are_a_row_or_malformed(line: bytes) -> None:
    for reader in (rows.events, rows.letters):
        try:
            row = reader(line, 0, 0)
        except Malformed:
            continue
        assert row.line.startswith(b"{")


@given(st.lists(st.one_of(st.integers(0, 1 << 60), st.binary(max_size=20)), max_size=30))
def test_a_record_loses_no_line(items: list[int | bytes]) -> None:
    written = [event(item) if isinstance(item, int) else item.replace(b"\n", b"") for item in items]
    found, bad = rows.read(packed(*written), 2, 9, rows.events)
    cut = [row.line for row in found] + [item.line for item in bad]
    assert sorted(cut) == sorted(line for line in written if line)
    places = [row[2:4] for row in found] + [(item.partition, item.offset) for item in bad]
    assert set(places) <= {(2, 9)}


def test_the_body_says_where_each_row_came_from() -> None:
    found = [rows.events(event(1), 3, 17), rows.events(event(2), 4, 1 << 40)]
    read = [codec.loads(line) for line in b"".join(rows.body(found)).splitlines()]
    assert read == [
        {"kafka_partition": 3, "kafka_offset": 17} | codec.loads(event(1)),
        {"kafka_partition": 4, "kafka_offset": 1 << 40} | codec.loads(event(2)),
    ]


@given(st.lists(st.integers(0, 60), max_size=40))
def test_months_are_not_mixed_and_none_is_lost(months: list[int]) -> None:
    found = [
        rows.events(event(number, at=NOVEMBER + month * 31 * 86_400_000), 0, number)
        for number, month in enumerate(months)
    ]
    grouped = rows.by_month(found)
    assert all(row.month == month for month, group in grouped.items() for row in group)
    assert sorted(row for group in grouped.values() for row in group) == sorted(found)


def test_the_same_failure_found_again_is_the_same_letter() -> None:
    first = rows.letters(lines.dead_line(1), 0, 5)
    again = rows.letters(lines.dead_line(1, failed_at=NOVEMBER + 1, reason="other words"), 1, 9)
    other = rows.letters(lines.dead_line(1, original=b"[]"), 0, 5)
    assert first.key == again.key != other.key


def test_a_letter_gets_its_id_and_keeps_its_line() -> None:
    line = lines.dead_line(1, original=b"\xff\x00")
    row = rows.letters(line, 0, 5)
    value = codec.loads(row.line)
    assert value.pop("letter_id").encode() + b"shop" == row.key
    assert value == codec.loads(line)
    assert row.original == line


def test_a_refused_row_remembers_what_was_read() -> None:
    row = rows.events(b" " + event(7), 3, 17)
    item = rows.poisoned(row, "incorrect-data", "no")
    assert item == Poison("incorrect-data", "no", 3, 17, b" " + event(7), event_id(7), "shop")
