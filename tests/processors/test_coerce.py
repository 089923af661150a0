"""Events as their collections have them: what is cast, noted, kept apart, and asked for."""

import json
from typing import Any

import pytest

from processors.ahead import Look
from processors.bury import Record
from processors.steps.coerce import Shapes
from processors.steps.enrich import nowhere
from processors.visits import Visits
from processors.work import Outcome, Work
from schemas.catalog import Catalog, Collection
from schemas.growing import DAY_MS, MAX_PROPERTIES
from schemas.reading import COLUMN_DEPTH, COLUMN_KEYS
from schemas.sources import Source
from tests.processors.doing import steps
from tests.processors.test_work import record
from tests.processors.world import IDS, NOW, Feed, decide, line, vendors


def rows(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(text) for text in outcome.lines]


def notes(row: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (note["field"], note["wanted"], note["value"], note["reason"])
        for note in row.get("invalid_values", [])
    ]


def do(*bodies: Any, feed: Feed | None = None) -> list[dict[str, Any]]:
    work = steps(feed or Feed(Source("shop")), {})
    return rows(work(record(*(line(body=body) for body in bodies))))


def undecided(feed: Feed, *bodies: Any) -> list[dict[str, Any]]:
    """As when nothing could be decided in time."""
    look = Look(feed, vendors, nowhere)
    work = Work(look, feed, IDS.issue, IDS.is_own, Visits(lambda _: {}), lambda: NOW)
    return rows(work(look(record(*(line(body=body) for body in bodies)))))


def test_what_will_not_fit_is_noted_and_the_event_is_kept() -> None:
    first, second, third = do({"price": 5}, {"price": "abc", "more": 1}, {"price": "7.5"})
    assert first["properties"] == {"price": 5}
    assert "invalid_values" not in first
    assert second["properties"] == {"price": "abc", "more": 1}
    assert notes(second) == [("price", "double", '"abc"', "not-castable")]
    assert (second["valid"], third["properties"]) == (True, {"price": 7.5})


def test_the_reasons_are_counted() -> None:
    work = steps(Feed(), {})
    events = [{"a": 5}, {"a": "x"}, {"a": {}}]
    outcome = work(record(*(line(body=body) for body in events)))
    assert outcome.invalid == {"not-castable": 2}


def test_where_fields_are_dropped_what_will_not_fit_is() -> None:
    _, row = do({"price": 5}, {"price": "abc", "flat": True})
    assert row["properties"] == {"flat": True}
    assert notes(row) == [("price", "double", '"abc"', "not-castable")]


def test_of_a_list_what_fits_is_kept_and_all_of_it_noted() -> None:
    _, row, flat = do({"n": [1]}, {"n": [2, "x"]}, {"n": [2, "x"], "flat": True})
    assert row["properties"] == {"n": [2, "x"]}
    assert flat["properties"] == {"n": [2], "flat": True}
    assert notes(row) == [("n", "array<double>", '[2,"x"]', "not-castable")]


def test_what_decides_nothing_stays() -> None:
    empty: dict[str, Any] = {"a": None, "b": [], "c": {}, "d": [None]}
    assert [row["properties"] for row in do(empty, empty)] == [empty, empty]
    typed = do({"a": "x", "b": "y", "c": 1}, empty)[1]
    assert typed["properties"] == {"a": None, "c": {}, "d": [None]}
    assert [note[0] for note in notes(typed)] == ["c"]


def test_nested_values_stay_what_they_are_at_any_depth() -> None:
    bodies = [{"o": {"a": 1}}, {"o": {"a": "x", "b": [{"c": [[1], "d"]}]}}, {"o": "text"}]
    assert [row["properties"] for row in do(*bodies)] == bodies


def test_a_user_s_properties_are_no_collection_s() -> None:
    found = do({"kind": "identify", "age": 5}, {"kind": "identify", "age": "five"})
    assert [row["properties"]["age"] for row in found] == [5, "five"]


def test_declared_types_decide() -> None:
    feed = Feed(Source("shop"))
    feed.catalog.put(Collection("shop", "moved", {"ip": "integer"}))
    found = do({"ip": "12"}, {"ip": "203.0.113.7"}, feed=feed)
    assert [row["properties"] for row in found] == [{"ip": 12}, {"ip": "203.0.113.7"}]
    assert notes(found[1]) == [("ip", "integer", '"203.0.113.7"', "not-castable")]


def test_what_is_not_decided_in_time_is_kept_apart() -> None:
    feed = Feed(Source("shop"))
    (row,) = undecided(feed, {"a": 5, "b": "x", "c": None})
    assert row["properties"] == {"c": None, "_overflow": {"a": 5, "b": "x"}}
    assert notes(row) == [("_overflow", "", '["a","b"]', "undecided")]


def test_a_full_collection_overflows_without_asking() -> None:
    feed = Feed(Source("shop"))
    full = {f"p{number}": "double" for number in range(MAX_PROPERTIES)}
    feed.catalog.put(Collection("shop", "moved", full))
    look = Look(feed, vendors, nowhere)
    ahead = look(record(line(body={"new": [1, {"a": 2}], "p0": None, "": 1})))
    assert ahead.wishes == {}
    (row,) = do({"new": [1, {"a": 2}], "p1": "1", "": 1, "_overflow": 2}, feed=feed)
    assert row["properties"] == {
        "p1": 1,
        "_overflow": {"new": [1, {"a": 2}], "": 1, "_overflow": 2},
    }
    assert notes(row) == [
        ("_overflow", "", '["new","","_overflow"]', "too-many-properties"),
    ]


def test_what_no_column_takes_is_kept_apart_as_text() -> None:
    deep: Any = "bottom"
    for _ in range(COLUMN_DEPTH):
        deep = {"a": deep}
    wide = {f"k{number}": number for number in range(COLUMN_KEYS + 1)}
    feed = Feed(Source("shop"))
    found = do({"n": 1, "deep": deep["a"], "deeper": deep, "wide": wide}, {"deeper": 1}, feed=feed)
    row, later = found
    apart = {"deeper": json.dumps(deep), "wide": json.dumps(wide)}
    apart = {name: text.replace(" ", "") for name, text in apart.items()}
    assert row["properties"] == {"n": 1, "deep": deep["a"], "_overflow": apart}
    assert notes(row) == [
        ("_overflow", "", '["deeper"]', "json-too-deep"),
        ("_overflow", "", '["wide"]', "too-many-keys"),
    ]
    assert later["properties"] == {"deeper": 1}, "a value kept apart decides no type"


def test_a_user_s_values_that_no_column_takes_are_text() -> None:
    deep: Any = 1
    for _ in range(COLUMN_DEPTH):
        deep = [deep]
    (row,) = do({"kind": "identify", "age": 5, "deep": deep})
    assert row["properties"] == {"kind": "identify", "age": 5, "deep": json.dumps(deep)}
    assert notes(row) == [("properties.deep", "json", json.dumps(deep), "json-too-deep")]


def test_an_overflow_that_no_column_takes_is_text() -> None:
    wide = {f"k{number}": number for number in range(COLUMN_KEYS + 1)}
    (row,) = undecided(Feed(Source("shop")), wide)
    assert json.loads(row["properties"]["_overflow"]) == wide


def test_a_frozen_schema_grows_by_a_master_key_only() -> None:
    feed = Feed(Source("shop", dynamic_schema=False))
    look = Look(feed, vendors, nowhere)
    assert look(record(line(body={"a": 1}))).wishes == {}
    (wish,) = look(record(line(body={"a": 1}, extends=True))).wishes.values()
    assert wish.properties == {"a": "double"}


@pytest.mark.parametrize("how", ["unsaved", "transitional"])
def test_what_is_not_stored_decides_nothing(how: str) -> None:
    feed = Feed(Source("shop", transitional=how == "transitional"))
    body = {"a": 1, "unsaved": ["event"] if how == "unsaved" else []}
    assert Look(feed, vendors, nowhere)(record(line(body=body))).wishes == {}


def test_a_record_wishes_once_per_collection_and_the_first_value_counts() -> None:
    feed = Feed(Source("shop"))
    look = Look(feed, vendors, nowhere)
    first, second = line(body={"a": 1, "b": "x"}), line(body={"c": True, "a": "y"})
    bodies = record(first, second, line(body={"d": 1}, received_at=NOW + 5))
    (wish,) = look(bodies).wishes.values()
    assert list(wish.properties.items()) == [
        ("a", "double"),
        ("b", "string"),
        ("c", "boolean"),
        ("d", "double"),
    ]
    assert wish.seen_at == NOW + 5


def test_nothing_is_asked_for_what_was_seen_today() -> None:
    feed = Feed(Source("shop"))
    look = Look(feed, vendors, nowhere)
    decide(feed.catalog, look(record(line(body={"a": 1}))).wishes.values())
    assert look(record(line(body={"a": 1}), line(body={"a": "x"}))).wishes == {}
    (wish,) = look(record(line(body={"a": 1}, received_at=NOW + DAY_MS))).wishes.values()
    assert (wish.properties, wish.seen_at) == ({"a": "double"}, NOW + DAY_MS)
    decide(feed.catalog, [wish])
    collection = feed.catalog.get("shop", "moved")
    assert collection is not None
    assert (collection.seen, collection.version) == ({"a": (NOW, NOW + DAY_MS)}, 1)


def test_shapes_follow_the_catalog() -> None:
    catalog, shapes = Catalog(), Shapes()
    assert shapes.find(catalog, "shop", "sale", NOW).fits == {}
    catalog.put(Collection("shop", "sale", {"a": "double"}, seen={"a": (NOW, NOW)}))
    known = shapes.find(catalog, "shop", "sale", NOW)
    assert known.fresh == {"a"}
    assert shapes.find(catalog, "shop", "sale", NOW) is known
    assert shapes.find(catalog, "shop", "sale", NOW + DAY_MS).fresh == frozenset()
    catalog.remove(b"shop\x00sale")
    assert shapes.find(catalog, "shop", "sale", NOW).fits == {}


def test_plans_are_made_anew_when_there_are_too_many() -> None:
    properties = {f"p{number}": 1 for number in range(8)}
    bodies = [
        {name: 1 for place, name in enumerate(properties) if number >> place & 1}
        for number in range(1, 200)
    ]
    found = do(properties, *bodies, {"p0": "x"})
    assert [row["properties"] for row in found] == [properties, *bodies, {"p0": "x"}]


def test_a_value_written_otherwise_is_written_anew() -> None:
    _, row = do({"day": "2024-05-17", "list": [1]}, {"day": "2024-5-7", "list": [1, "2"]})
    assert row["properties"] == {"day": "2024-05-07", "list": [1, 2]}
    assert notes(row) == []


def test_a_line_that_is_none_takes_its_turn() -> None:
    work = steps(Feed(), {})
    outcome = work(Record("shop", "x.raw.shop", 2, 9, b"garbage\n" + line(body={"a": 1})))
    assert (len(outcome.lines), outcome.codes) == (1, ["json-invalid"])
