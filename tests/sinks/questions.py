"""Rows with every kind of value under every kind of name, and questions about them."""

from typing import Any, get_args

from hypothesis import strategies as st

from schemas.query import (
    Computation,
    Field,
    Filter,
    Function,
    Group,
    Operator,
    Property,
    Query,
    Step,
)
from tests.sinks.lines import NOVEMBER, event, event_id

HOUR = 3_600_000
ODD = (
    "a",
    "b.c",
    "é\"`'\\",
    "tab\there",
    "{x:Int8}",
    "%s",
    "select",
    "$x",
    "b.d",
    "list",
    "^n",
    "'",
)
VALUES: list[Any] = [
    *(1, 2.0, 2, 2.5, -7, 0, True, False, "1", "true", "", "x", "xy", "y'\\%", "é😀", "9", "10"),
    *(9007199254740993, 9007199254740992, 18446744073709551615),
]
LISTS: list[Any] = [[1, 2], ["x", "y"], [], ["1"], [True], [2.5, 1], ['a"b\\']]
CUSTOMERS = ("", "c1", "c2")


def written() -> list[dict[str, Any]]:
    """Rows of one source that hold every kind of value under every kind of name."""
    found = []
    for number in range(120):
        name = ODD[number % len(ODD)]
        kept: dict[str, Any] = {"a": VALUES[number % len(VALUES)]} if number % 3 else {}
        if name == "list":
            kept["list"] = LISTS[number // len(ODD) % len(LISTS)]
        elif "." in name:
            kept.setdefault("b", {})[name[2:]] = VALUES[number // 2 % len(VALUES)]
        else:
            kept[name] = VALUES[number // 3 % len(VALUES)]
        found.append(
            {
                "event_id": event_id(number),
                "event_type": ("order", "view", "it's \\ odd")[number % 3],
                "event_time": NOVEMBER + (number % 40 - 20) * HOUR * 5 + number,
                "received_at": NOVEMBER,
                "group_id": CUSTOMERS[number % 3],
                "country": ("", "VN", "CH")[number % 3],
                "properties": kept,
            }
        )
    return found


ROWS = written()
FOREIGN = "never to be seen"


def line(row: dict[str, Any], **more: Any) -> bytes:
    fields = {name: row[name] for name in ("event_type", "group_id", "country", "properties")}
    number = ROWS.index(row)
    return event(number, at=row["event_time"], **(fields | more))


columns = st.sampled_from(["event_type", "group_id", "country", "event_id"])
properties = st.sampled_from([Property(name) for name in (*ODD, "none", "b")])
fields: st.SearchStrategy[Field] = columns | properties  # type: ignore[assignment]
values = st.sampled_from([*VALUES, *CUSTOMERS, "order", "VN", 'a"b\\']) | st.text(max_size=3)


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    operator: Operator = draw(st.sampled_from(get_args(Operator)))
    if operator in {"exists", "absent"}:
        return Filter(draw(fields), operator)
    if operator in {"in", "not-in"}:
        return Filter(draw(fields), operator, tuple(draw(st.lists(values, max_size=4))))
    wanted = (
        values if operator not in {"begins", "ends"} else values.filter(lambda v: type(v) is str)
    )
    return Filter(draw(fields), operator, (draw(wanted),))


@st.composite
def computations(draw: st.DrawFn) -> Computation:
    function: Function = draw(st.sampled_from(get_args(Function)))
    field = draw(fields | (st.none() if function == "count" else st.nothing()))
    label = f"{function} {draw(st.integers(0, 99))}"
    return Computation(label, function, field, draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    groups = draw(st.lists(fields, max_size=2, unique=True))
    edges = st.none() | st.integers(NOVEMBER - 100 * HOUR, NOVEMBER + 100 * HOUR)
    step: Step = draw(st.sampled_from(get_args(Step)))
    return Query(
        since=draw(edges),
        until=draw(edges),
        groups=tuple(Group(f"g{n} {field}", field) for n, field in enumerate(groups)),
        step=step,
        computations=tuple(draw(st.lists(computations(), max_size=3, unique_by=lambda c: c.label))),
        filters=tuple(draw(st.lists(filters(), max_size=3))),
        limit=10_000,
    )
