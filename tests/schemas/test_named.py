"""Parameters of named queries: what is read, and what is refused by name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Malformed
from schemas.named import NAMED
from schemas.named_reading import from_texts, read
from schemas.query import Filter, Group, Property
from schemas.times import nearest_storable

NOW = 1_795_197_600_000
DAY = 86_400_000


@pytest.mark.parametrize(
    ("texts", "name", "value"),
    [
        ({}, "since", NOW - 30 * DAY),
        ({}, "until", NOW),
        ({"since": ["12h"]}, "since", NOW - DAY // 2),
        ({"since": ["2026-11-01"]}, "since", 1_793_491_200_000),
        ({"since": ["1793491200"]}, "since", 1_793_491_200_000),
        ({"since": ["1793491200000"]}, "since", 1_793_491_200_000),
        ({"limit": ["5"]}, "limit", 5),
        ({"step": ["week"]}, "step", "week"),
        ({"type": ["a", "b=c"]}, "type", ("a", "b=c")),
        (
            {"group": ["country", "properties.price"]},
            "group",
            (Group("country", "country"), Group("properties.price", Property("price"))),
        ),
        ({"where": ["country=5"]}, "where", (Filter("country", "equals", ("5",)),)),
        ({"where": ["price >= 9.5"]}, "where", (Filter(Property("price"), "from", (9.5,)),)),
        ({"where": ["price>true"]}, "where", (Filter(Property("price"), "above", ("true",)),)),
        ({"where": ['a.b!="5"']}, "where", (Filter(Property("a.b"), "differs", ("5",)),)),
        ({"where": ["a~b=c"]}, "where", (Filter(Property("a"), "contains", ("b=c",)),)),
        (
            {"where": ["event_time<2026-11-01"]},
            "where",
            (Filter("event_time", "below", (1_793_491_200_000,)),),
        ),
    ],
)
def test_texts_are_read(texts: dict[str, list[str]], name: str, value: Any) -> None:
    assert read("events", from_texts("events", texts), NOW).values[name] == value


def test_live_looks_back_from_now() -> None:
    values = read("live", {"within": "90s"}, NOW).values
    assert (values["since"], values["until"]) == (NOW - 90_000, NOW + 1)


def test_a_condition_may_be_spelt_out() -> None:
    spelt = {"field": "price", "operator": "in", "values": [1, "x", None]}
    (found,) = read("pages", {"where": [spelt]}, NOW).values["where"]
    assert found == Filter(Property("price"), "in", (1, "x", None))


@pytest.mark.parametrize(
    ("name", "given_values", "parameter"),
    [
        ("events", {"nonsense": 1}, "nonsense"),
        ("events", {"since": "yesterday"}, "since"),
        ("events", {"since": None}, "since"),
        ("events", {"since": True}, "since"),
        ("events", {"since": ["7d"]}, "since"),
        ("events", {"since": "1d", "until": "2d"}, "since"),
        ("events", {"limit": 0}, "limit"),
        ("events", {"limit": "5"}, "limit"),
        ("events", {"limit": 10_001}, "limit"),
        ("events", {"step": "year"}, "step"),
        ("events", {"type": "view"}, "type"),
        ("events", {"type": [""]}, "type"),
        ("events", {"type": ["\ud800"]}, "type"),
        ("events", {"type": ["x"] * 101}, "type"),
        ("events", {"group": ["event_time"]}, "group"),
        ("events", {"group": ["a", "a"]}, "group"),
        ("events", {"group": ["a^`b"]}, "group"),
        ("events", {"group": ["a", "b", "c", "d"]}, "group"),
        ("events", {"where": ["country"]}, "where"),
        ("events", {"where": ["=CH"]}, "where"),
        ("events", {"where": [{"field": "a"}]}, "where"),
        ("events", {"where": [{"field": "a", "operator": "like", "values": [1]}]}, "where"),
        ("events", {"where": [{"field": "a", "operator": "equals", "values": []}]}, "where"),
        ("events", {"where": [{"field": "a", "operator": "equals", "values": [[]]}]}, "where"),
        ("events", {"where": [{"field": "a", "operator": "begins", "values": [1]}]}, "where"),
        ("events", {"where": [{"field": "a", "operator": "exists", "values": [1]}]}, "where"),
        ("events", {"where": [{"field": "a", "operator": "above", "values": [None]}]}, "where"),
        ("events", {"where": [{"field": "a", "operator": "in", "values": "x"}]}, "where"),
        ("funnel", {}, "steps"),
        ("funnel", {"steps": ["a"]}, "steps"),
        ("funnel", {"steps": ["a", "b", "a"]}, "steps"),
        ("funnel", {"steps": ["a", "b"], "window": "0d"}, "window"),
        ("funnel", {"steps": ["a", "b"], "window": 5}, "window"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    name: str, given_values: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(Malformed) as caught:
        read(name, given_values, NOW)
    assert caught.value.code == "parameter-invalid"
    assert caught.value.where == (parameter,)
    assert parameter in caught.value.message


def test_a_single_value_is_not_repeated() -> None:
    with pytest.raises(Malformed, match="since takes one value"):
        from_texts("events", {"since": ["1d", "2d"]})


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [*{each.name for named in NAMED.values() for each in named.parameters}, "x"]
)


conditions = st.fixed_dictionaries(
    {"field": json | st.just("a"), "operator": json | st.sampled_from(["in", "above", "exists"])},
    optional={"values": json | st.lists(json, max_size=2)},
)


@given(st.lists(conditions, max_size=2))
def test_any_condition_is_read_or_malformed(spelt: list[Any]) -> None:
    try:
        asked = read("pages", {"where": spelt}, NOW)
    except Malformed:
        return
    assert len(asked.values["where"]) == len(spelt)


@given(st.sampled_from(list(NAMED)), st.dictionaries(names, json, max_size=4))
def test_anything_is_read_or_malformed(name: str, values: dict[str, Any]) -> None:
    try:
        asked = read(name, values, NOW)
    except Malformed:
        return
    assert nearest_storable(0) <= asked.values["since"] < asked.values["until"]
