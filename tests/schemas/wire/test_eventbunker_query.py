"""EventBunker's queries: what is asked, what is answered, what is refused."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.commands import Select
from schemas.errors import Malformed
from schemas.query import MAX_ROWS, Computation, Filter, Group, Order, Property, Query
from schemas.wire import eventbunker
from schemas.wire.eventbunker import period
from tests.schemas.values import json_values
from tests.schemas.wire.calling import ACME, KEYS, OPEN, answer, ask, refusal
from tests.schemas.wire.feeding import RECEIVED_AT, post

WHOLE: dict[str, Any] = {
    "time_period": {"from": "2026-11-20T00:00:00Z", "to": 1795305600000},
    "group_by": ["example_string_field", "customer_identifier", "$country", "cart.currency"],
    "group_by_date": "day",
    "computations": [
        {"function": "count"},
        {"field_name": "*", "function": "count", "as": "rows"},
        {"field_name": "price", "function": "count"},
        {"field_name": "price", "function": "sum"},
        {"field_name": "price", "function": "p95"},
        {"field_name": "price", "function": "percentile_99.9", "as": "slowest"},
        {"field_name": "user", "function": "count_distinct"},
    ],
    "filters": [
        {"field_name": "event_name", "op": "equals", "value": "order"},
        {"field_name": "price", "op": "gte", "value": 5},
        {"field_name": "timestamp", "op": "lt", "value": "2026-11-21"},
        {"field_name": "plan", "op": "in", "value": ["a", 1, None]},
        {"field_name": "plan", "op": "exists"},
    ],
    "order_by": [{"field_name": "sum_price", "direction": "desc"}, {"field_name": "date"}],
    "limit": 7,
}


def query(body: dict[str, Any]) -> Query:
    command = ask("/v1/query/json", body)
    assert isinstance(command, Select)
    assert isinstance(command.query, Query)
    return command.query


def test_a_query_with_everything() -> None:
    assert query(WHOLE) == Query(
        since=1795132800000,
        until=1795305600000,
        groups=(
            Group("example_string_field", Property("example_string_field")),
            Group("customer_identifier", "group_id"),
            Group("$country", "country"),
            Group("cart.currency", Property("cart.currency")),
        ),
        step="day",
        computations=(
            Computation("count", "count"),
            Computation("rows", "count"),
            Computation("count_price", "count", Property("price")),
            Computation("sum_price", "sum", Property("price")),
            Computation("p95_price", "quantile", Property("price"), 0.95),
            Computation("slowest", "quantile", Property("price"), 99.9 / 100),
            Computation("count_distinct_user", "distinct", Property("user")),
        ),
        filters=(
            Filter("event_type", "equals", ("order",)),
            Filter(Property("price"), "from", (5,)),
            Filter("event_time", "below", (1795219200000,)),
            Filter(Property("plan"), "in", ("a", 1, None)),
            Filter(Property("plan"), "exists"),
        ),
        orders=(Order("sum_price", descending=True), Order("date")),
        limit=7,
    )


def test_a_query_of_nothing_lists_events() -> None:
    assert query({}) == Query(limit=1000)
    by_time = query({"order_by": [{"field_name": "timestamp", "direction": "ASC"}]})
    assert by_time.orders == (Order("event_time"),)
    row = {
        "event_id": "i",
        "event_type": "e",
        "event_time": 1795132800000,
        "received_at": RECEIVED_AT,
        "group_id": "c",
        "properties": {"a": 1, "timestamp": "mine"},
    }
    assert answer("/v1/query/json", {}, [row]) == {
        "data": [
            {
                "a": 1,
                "timestamp": "2026-11-20T00:00:00.000Z",
                "unique_req_id": "i",
                "event_name": "e",
                "time_recorded": RECEIVED_AT,
                "customer_identifier": "c",
            }
        ]
    }
    (listed,) = answer("/v1/query/json", {}, [row | {"group_id": ""}])["data"]
    assert listed["customer_identifier"] is None, "as where it is grouped by"


def test_dates_are_told_as_iso() -> None:
    body = {"group_by_date": "day", "computations": [{"function": "count"}]}
    rows = [{"date": 1795132800000, "count": 3}]
    assert answer("/v1/query/json", body, rows) == {
        "data": [{"date": "2026-11-20T00:00:00.000Z", "count": 3}]
    }
    assert answer("/v1/query/json", {"group_by": ["a"]}, [{"a": 1}]) == {"data": [{"a": 1}]}


@pytest.mark.parametrize("customer", ["", "acme"])
def test_a_scoped_key_asks_for_its_customer_only(customer: str) -> None:
    grant = ACME if customer else OPEN
    filters = [{"field_name": "customer_identifier", "op": "equals", "value": "other"}]
    command = ask("/v1/query/json", {"filters": filters}, grant)
    assert isinstance(command, Select)
    assert (command.source_id, command.customer) == ("shop", customer)


NOON = 1795262400000
"""2026-11-21T12:00:00Z, a Saturday."""
DAY = 86_400_000
MIDNIGHT = NOON - DAY // 2
MONDAY = MIDNIGHT - 5 * DAY
NOVEMBER = MIDNIGHT - 20 * DAY


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("minus_5_minutes", NOON - 300_000, NOON + 1),
        ("minus_1_second", NOON - 1000, NOON + 1),
        ("minus_24_hours", NOON - DAY, NOON + 1),
        ("minus_2_weeks", NOON - 14 * DAY, NOON + 1),
        ("minus_1_months", NOON - 31 * DAY, NOON + 1),
        ("minus_9_months", NOON - 273 * DAY, NOON + 1),
        ("minus_1_year", NOON - 365 * DAY, NOON + 1),
        ("minus_9999999_weeks", 0, NOON + 1),
        ("minus_9999999_years", 0, NOON + 1),
        ("this_hour", NOON, NOON + 3_600_000),
        ("last_hour", NOON - 3_600_000, NOON),
        ("today", MIDNIGHT, MIDNIGHT + DAY),
        ("yesterday", MIDNIGHT - DAY, MIDNIGHT),
        ("this_week", MONDAY, MONDAY + 7 * DAY),
        ("last_week", MONDAY - 7 * DAY, MONDAY),
        ("this_month", NOVEMBER, NOVEMBER + 30 * DAY),
        ("last_month", NOVEMBER - 31 * DAY, NOVEMBER),
        ("this_year", NOVEMBER - 304 * DAY, NOVEMBER + 61 * DAY),
        ("last_year", NOVEMBER - 669 * DAY, NOVEMBER - 304 * DAY),
    ],
)
def test_periods(text: str, since: int, until: int) -> None:
    assert period.read(text, NOON) == (since, until)


def test_a_day_that_a_month_lacks_is_its_last() -> None:
    end_of_march = 1774958400000  # 2026-03-31T12:00:00Z
    assert period.read("minus_1_month", end_of_march)[0] == end_of_march - 31 * DAY


@given(
    st.integers(0, 9_999_999), st.sampled_from(["second", "hour", "day", "week", "month", "year"])
)
def test_a_period_never_begins_before_1970_or_after_its_end(count: int, unit: str) -> None:
    since, until = period.read(f"minus_{count}_{unit}s", NOON)
    assert since is not None
    assert until == NOON + 1
    assert 0 <= since < until


FILTER = {"field_name": "a", "op": "equals", "value": 1}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"time_period": "minus_x_days"}, "period-invalid", "time_period must be minus_N_seconds"),
    ({"time_period": 5}, "period-invalid", "time_period must be"),
    ({"time_period": {}}, "period-invalid", "time_period has from, to or both"),
    ({"time_period": {"since": 1}}, "period-invalid", "from, to or both"),
    ({"time_period": {"from": "soon"}}, "datetime-parsing", "time_period.from is no date"),
    ({"group_by": "a"}, "list-type", "group_by must be an array"),
    ({"group_by": [5]}, "string-type", "group_by[0] must be a string"),
    ({"group_by": [""]}, "field-invalid", "group_by[0] must be a field's name"),
    ({"group_by": ["^`a`"]}, "field-invalid", "group_by[0]"),
    ({"group_by": ["timestamp"]}, "field-invalid", "group by time with group_by_date"),
    ({"group_by": ["a"] * 11}, "too-many-items", "group_by holds at most 10 items"),
    ({"group_by": ["a", "a"]}, "label-repeated", "'a' is there twice"),
    ({"group_by_date": "decade"}, "value-invalid", "group_by_date must be one of minute, hour"),
    ({"group_by_date": []}, "value-invalid", "group_by_date must be one of"),
    ({"computations": [5]}, "dict-type", "computations[0] must be a JSON object"),
    ({"computations": [{"function": "drop"}]}, "function-unknown", "computations[0].function"),
    ({"computations": [{"function": "sum"}]}, "missing", "computations[0].field_name is missing"),
    ({"computations": [{"field_name": "a"}]}, "missing", "computations[0].function is missing"),
    ({"computations": [{"function": "count"}] * 2}, "label-repeated", "'count' is there twice"),
    ({"filters": [{}]}, "missing", "filters[0].field_name is missing"),
    ({"filters": [FILTER | {"op": "like"}]}, "operator-unknown", "filters[0].op must be one of"),
    ({"filters": [FILTER | {"value": {}}]}, "value-invalid", "filters[0].value must be a string"),
    ({"filters": [FILTER | {"op": "gt", "value": True}]}, "value-invalid", "string or number"),
    ({"filters": [FILTER | {"op": "starts_with"}]}, "value-invalid", "must be a string"),
    ({"filters": [FILTER | {"op": "in"}]}, "list-type", "filters[0].value must be an array"),
    ({"filters": [{"field_name": "a", "op": "gt"}]}, "missing", "filters[0].value is missing"),
    ({"filters": [FILTER | {"value": "x" * 2000}]}, "string-too-long", "longer than 1024"),
    ({"filters": [FILTER | {"or": []}]}, "field-unknown", "'or' is none of field_name, op, value"),
    (
        {"filters": [{"field_name": "time_recorded", "op": "gt", "value": "soon"}]},
        "datetime-parsing",
        "filters[0].value is no date",
    ),
    ({"order_by": [{"field_name": "a"}]}, "order-unknown", "order_by: 'a' is none of event_name"),
    (
        {"group_by": ["a"], "order_by": [{"field_name": "a", "direction": "up"}]},
        "value-invalid",
        "order_by[0].direction must be ASC or DESC",
    ),
    ({"limit": 0}, "limit-invalid", "limit must be 1 to 10000"),
    ({"limit": True}, "limit-invalid", "limit must be 1 to 10000"),
    ({"metrics": []}, "field-unknown", "the body: 'metrics' is none of time_period"),
]


@pytest.mark.parametrize(("body", "code", "says"), REFUSED)
def test_a_query_that_is_refused_says_why(body: dict[str, Any], code: str, says: str) -> None:
    found, message = refusal("/v1/query/json", body)
    assert found == code
    assert says in message


def places(value: Any) -> list[tuple[Any, ...]]:
    inner: Any = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [(), *((key, *rest) for key, item in inner for rest in places(item))]


@given(st.sampled_from(places(WHOLE)[1:]), json_values)
def test_a_nearly_right_query_is_a_query_or_refused(place: tuple[Any, ...], value: Any) -> None:
    body = copy.deepcopy(WHOLE)
    holder: Any = body
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    try:
        found = query(body)
    except Malformed as error:
        request = post(eventbunker, "/v1/query/json", body, KEYS)
        reply = eventbunker.refuse(error, request)
        assert reply.status == 400
        assert json.loads(reply.body)["error"]
    else:
        assert found.limit <= MAX_ROWS
