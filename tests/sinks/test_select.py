"""Whatever a question holds, its SQL is written by us alone."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.query import Computation, Filter, Function, Group, Operator, Order, Property, Query
from sinks.select import count, erase, observed, select

MARK = "zqz"
foreign = st.text(max_size=12).map(lambda text: f"{MARK}{text}")
fields = foreign.map(Property)
WORDS = re.compile(r"\{(p\d+):(String|Identifier|Int64|UInt32|Float64|Bool|Array\(String\))\}")


@st.composite
def questions(draw: st.DrawFn) -> Query:
    functions: st.SearchStrategy[Function] = st.sampled_from(["count", "distinct", "sum"])
    operators: st.SearchStrategy[Operator] = st.sampled_from(
        ["equals", "differs", "above", "contains", "begins", "in", "not-in"]
    )
    return Query(
        groups=tuple(Group(draw(foreign), field) for field in draw(st.lists(fields, max_size=3))),
        step=draw(st.sampled_from(["", "day"])),
        step_label=draw(foreign),
        computations=tuple(
            Computation(draw(foreign), function, draw(fields))
            for function in draw(st.lists(functions, max_size=3))
        ),
        filters=tuple(
            Filter(draw(fields), operator, (draw(foreign),))
            for operator in draw(st.lists(operators, max_size=3))
        ),
        orders=(Order(draw(foreign)),),
    )


def check_parameters(sql: str, parameters: dict[str, Any]) -> None:
    named = {name for name, _ in WORDS.findall(sql)}
    assert named == set(parameters), "each parameter is used, and nothing else looks like one"
    assert not WORDS.sub("", sql).count("{")


@given(questions(), foreign, st.just("") | foreign)
def test_no_word_of_a_client_is_in_the_sql(query: Query, source: str, customer: str) -> None:
    sql, parameters = select("d.events", source, customer, query)
    assert MARK not in sql
    check_parameters(sql, parameters)
    assert " FINAL WHERE e.source_id = {p0:String}" in sql
    assert parameters["p0"] == source
    assert (" AND e.group_id = {p1:String}" in sql) is bool(customer)
    if customer:
        assert parameters["p1"] == customer


@given(foreign, foreign)
def test_nor_in_what_erases_and_observes(source: str, customer: str) -> None:
    for sql, parameters in (
        count("d.events", source, customer),
        erase("d.events", " ON CLUSTER c", source, customer),
        observed("d.events", source, 5),
    ):
        assert MARK not in sql
        check_parameters(sql, parameters)
        assert parameters["p0"] == source


def test_a_name_that_no_identifier_carries_is_a_plain_text() -> None:
    for name, type_name in (("a.b", "Identifier"), ("a`b", "String"), ("a\tb", "String")):
        sql, parameters = select("d.events", "s", "", Query(groups=(Group("g", Property(name)),)))
        (place,) = [key for key in parameters if parameters[key] == name]
        assert f"{{{place}:{type_name}}}" in sql


def test_a_value_of_no_kind_to_compare_with_holds_nowhere() -> None:
    for value in (None, True):
        query = Query(filters=(Filter(Property("a"), "above", (value,)),))
        assert "ifNull(false, false)" in select("d.events", "s", "", query)[0]


def test_a_value_that_is_no_text_is_found_among_an_arrays_items() -> None:
    for value, words in ((True, "has(JSONExtractArrayRaw"), (2.5, "toFloat64OrNull(x) = ")):
        query = Query(filters=(Filter(Property("a"), "contains", (value,)),))
        assert words in select("d.events", "s", "", query)[0]


def test_a_number_beyond_a_doubles_is_compared_digit_by_digit() -> None:
    query = Query(filters=(Filter(Property("a"), "equals", (9007199254740993,)),))
    assert "9007199254740993" in select("d.events", "s", "", query)[1].values()
    assert "false" in select("d.events", "s", "", Query(filters=(Filter("ip", "in"),)))[0]
