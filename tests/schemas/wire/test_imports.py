"""What each vendor's export becomes, from tables; and laws that hold for any row at all."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import DETAILS, Event
from schemas.wire import imports
from schemas.wire.imports.formats import FORMATS
from schemas.wire.imports.guess import cell_type, plan_of
from schemas.wire.imports.mapped import moment
from schemas.wire.imports.plan import Plan, of_shared
from schemas.wire.imports.snowplow import COLUMNS
from tests.schemas.values import json_values
from tests.schemas.wire.import_recorded import RECORDED
from tests.schemas.wire.import_rows import PRODUCTS, Expected
from tests.schemas.wire.import_sites import SITES

BEGAN = 1_795_000_000_000
CASES = [*PRODUCTS, *SITES, *RECORDED]


def mapped(name: str, row: Any, plan: Plan) -> list[tuple[Event, str, str]]:
    read = FORMATS[name]
    found = [read.read(body, plan) for body in read.split(row)]
    return [(each.event, each.message_id, each.session_id) for each in found]


@pytest.mark.parametrize(
    ("name", "row", "expected"), [(case[0], case[1], case[2:]) for case in CASES]
)
def test_a_row_of_an_export(name: str, row: Any, expected: tuple[Expected, ...]) -> None:
    found = mapped(name, row, Plan(name, collection="table", began=BEGAN))
    assert len(found) == len(expected)
    for (event, message_id, session_id), wanted in zip(found, expected, strict=True):
        ids = {"message_id": message_id, "session_id": session_id}
        seen = {each: ids[each] if each in ids else getattr(event, each) for each in wanted}
        assert seen == wanted


def test_every_format_has_a_case() -> None:
    assert {case[0] for case in CASES} == FORMATS.keys() - {"rows"}
    assert len(COLUMNS) == 131


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


def with_other(value: Any, place: tuple[Any, ...], item: Any) -> Any:
    if not place:
        return item
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[place[0]] = with_other(value[place[0]], place[1:], item)
    return copy


@st.composite
def nearly_right(draw: st.DrawFn) -> tuple[str, Any]:
    """A row of an export with anything in place of one of its values."""
    name, row = draw(st.sampled_from([(case[0], case[1]) for case in CASES]))
    name = draw(st.sampled_from([name, "rows"]))
    return name, with_other(row, draw(st.sampled_from(places(row))), draw(json_values))


@settings(max_examples=300)
@given(nearly_right())
def test_any_row_is_an_event_or_malformed(near: tuple[str, Any]) -> None:
    name, row = near
    try:
        found = mapped(name, row, Plan(name, collection="table", began=BEGAN))
    except Malformed:
        return
    for event, message_id, session_id in found:
        assert event.event_type
        assert set(event.details) <= DETAILS
        assert all(type(text) is str for text in event.details.values())
        assert type(message_id) is type(session_id) is str
        codec.dumps(dict(event.properties))


@given(st.sampled_from([*FORMATS, "nobody's"]), nearly_right(), json_values)
def test_any_raw_event_is_decoded_or_malformed(name: str, near: Any, batch: Any) -> None:
    raw = RawEvent("e", "s", "import", name, BEGAN, "", "", "v", "", "", "", batch, near[1])
    with suppress(Malformed):
        assert imports.decode(raw).recorded


def test_a_plan_is_what_it_was_when_it_has_travelled() -> None:
    plan = Plan("rows", "c", {"time": "ts"}, {"price": "number"}, ("x",), BEGAN)
    assert of_shared("rows", codec.loads(codec.dumps(plan.shared()))) == plan


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000_123, 1_700_000_000_123),
        (1_700_000_000_123_456, 1_700_000_000_123),
        (1_700_000_000_123_456_789, 1_700_000_000_123),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.5", 1_700_000_000_500),
        ("2023-11-14 22:13:20.000000", 1_700_000_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000_000),
        ("2023-11-14 22:13:20 UTC", 1_700_000_000_000),
        ("Nov 14, 2023 22:13:20", 1_700_000_000_000),
        (None, BEGAN),
        ("", BEGAN),
    ],
)
def test_times_as_files_have_them(value: Any, expected: int) -> None:
    assert moment(value, "ts", BEGAN) == expected


@pytest.mark.parametrize(
    "value", ["soon", "12:00", -1, 10**30, True, [], {}, "1" * 40, "1900-01-01"]
)
def test_what_is_no_time_says_so(value: Any) -> None:
    with pytest.raises(Malformed) as raised:
        moment(value, "ts")
    assert (raised.value.code, "ts is no time" in raised.value.message) == ("time-invalid", True)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([], "text"),
        (["1", "-2.5", "1e3", " 4 "], "number"),
        (["007"], "text"),
        (["+49 30 123"], "text"),
        (["12345678901234567"], "text"),
        (["1", ""], "text"),
        (["true", "FALSE"], "boolean"),
        (["yes", "no"], "boolean"),
        (["1", "true"], "text"),
        (['{"a": 1}', "[]"], "json"),
        (["{a}"], "text"),
    ],
)
def test_what_the_cells_of_a_column_are(cells: list[str], kind: str) -> None:
    assert cell_type(cells) == kind


def guessed(rows: list[dict[str, Any]], *, collection: str = "", **columns: str) -> Plan:
    return plan_of(
        rows, collection=collection, columns=columns, types={}, skip=(), began=1, of_text=True
    )


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (("ts", "uid", "price"), {"time": "ts", "user": "uid"}),
        (("User ID", "Event Time"), {"user": "User ID", "time": "Event Time"}),
        (("time", "created_at"), {"time": "time"}),
        (("event", "uuid"), {"event": "event", "id": "uuid"}),
        (("id", "price"), {}),
    ],
)
def test_columns_are_known_by_their_names(names: tuple[str, ...], columns: dict[str, str]) -> None:
    assert guessed([dict.fromkeys(names, "x")]).columns == columns


def test_what_was_said_of_columns_goes_before_what_they_are_called() -> None:
    row = {"ts": "1", "user_id": "2", "event": "3", "buyer": "4"}
    assert guessed([row], user="buyer", time="").columns == {"user": "buyer", "event": "event"}
    assert guessed([row], collection="c").columns == {"time": "ts", "user": "user_id"}


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(Malformed, match="no column 'tss'; there are: ts, a"):
        guessed([{"ts": "1"}, {"a": "2"}], time="tss")


def test_a_row_by_its_plan() -> None:
    plan = Plan(
        "rows",
        "order",
        {"time": "ts", "user": "uid", "url": "page"},
        {"price": "number", "paid": "boolean", "tags": "json", "odd": "number"},
        ("secret",),
        BEGAN,
    )
    row = {
        "ts": "2026-11-01",
        "uid": "u1",
        "page": "https://s.example/p?utm_source=x",
        "price": "9.95",
        "paid": "Yes",
        "tags": '["a"]',
        "odd": "n/a",
        "secret": "s",
        "zip": "00501",
    }
    ((event, message_id, _),) = mapped("rows", row, plan)
    assert (event.kind, event.event_type, event.user_id, message_id) == ("track", "order", "u1", "")
    assert event.event_time == 1_793_491_200_000
    assert event.properties == {
        "price": 9.95,
        "paid": True,
        "tags": ["a"],
        "odd": "n/a",
        "zip": "00501",
    }
    assert (event.details["page_path"], event.details["utm_source"]) == ("/p", "x")


def test_objects_named_for_what_they_are() -> None:
    plan = Plan("rows", columns={"kind": "type", "user": "user_id"}, began=BEGAN)
    row = {"type": "identify", "user_id": 7, "traits": {"a": 1}, "properties": {"b": 2}, "c": 3}
    ((event, _, _),) = mapped("rows", row, plan)
    assert (event.kind, event.event_type, event.user_id) == ("identify", "identify", "7")
    assert (event.changes, event.properties) == ({"set": {"a": 1}}, {"b": 2, "c": 3})
    assert event.event_time == BEGAN


def test_a_row_of_nobody_has_no_profile_and_a_visitor_of_its_own() -> None:
    found = FORMATS["rows"].read({"a": 1}, Plan("rows", "c", began=BEGAN))
    assert not found.event.profiled
    draft = found.draft(b'{"a":1}', "file:1")
    assert (draft.visitor, draft.message_id) == ("file:1", "file:1")


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=6))
def test_cells_that_do_not_fit_their_column_stay_what_they_were(row: dict[str, str]) -> None:
    types = {name: kind for name in row for kind in ("number", "boolean", "json")}
    plan = Plan("rows", "c", types=types, began=BEGAN)
    ((event, _, _),) = mapped("rows", row, plan)
    assert set(event.properties) <= row.keys()
