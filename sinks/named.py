"""Named queries -> SQL: ``queries/<name>.sql`` with its own words filled in. Pure but for files.

What a client gave is a parameter, always; what is filled in is written here and in
:mod:`sinks.select`. Three decisions that all of them share:

- Rows are taken FINAL month by month. ClickHouse compares no others where a query names a period
  anyway, and this is twelve times quicker when a month has been merged. An event that was stored
  again with a time in another month counts in both.
- Profiles are told apart by a hash of 64 bits, after merges: grouping texts takes thrice the time.
- A key that is for one customer sees this customer's rows.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Final

from schemas.named import Asked
from schemas.query import Group, Property
from sinks.clickhouse import identifier
from sinks.fields import view_of
from sinks.select import STEPS, Statement, Writing

_SETTINGS: Final = "SETTINGS do_not_merge_across_partitions_select_final = 1"
_DAY: Final = "toInt64(toRelativeDayNum({}))"
_BUCKETS: Final[Mapping[str, tuple[str, str]]] = {
    "day": (_DAY, "first"),
    # 1970-01-01 was a Thursday.
    "week": (f"intDiv({_DAY} + 3, 7)", "first * 7 - 3"),
    "month": ("toInt64(toYear({}) * 12 + toMonth({}) - 1)", "first - 1970 * 12"),
}
"""Moment -> number of its bucket; number -> days or months since 1970."""


def statement(database: str, source_id: str, customer: str, asked: Asked) -> Statement:
    """Write a named query over one source's rows, and one customer's unless ``customer`` is "".

    Columns of the result are those of :data:`schemas.named.NAMED`, in order.

    Args:
        database: that holds the tables.
    """
    writing = Writing()
    filled = {
        "events": f"{identifier(database)}.events",
        "visitor": (
            f"dictGetOrDefault('{identifier(database)}.profile_keys_dict', 'merged_into',"
            " sipHash64(e.profile_id), sipHash64(e.profile_id))"
        ),
        "where": _where(writing, source_id, customer, asked),
        **_FILLED[asked.name](writing, asked.values),
    }
    return f"{Template(_text(asked.name)).substitute(filled)}\n{_SETTINGS}", writing.parameters


@cache
def _text(name: str) -> str:
    lines = files("sinks").joinpath("queries", f"{name}.sql").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def _where(writing: Writing, source_id: str, customer: str, asked: Asked) -> str:
    values = asked.values
    since, until = (_moment(writing.add(values[name], "Int64")) for name in ("since", "until"))
    conditions = [f"e.source_id = {writing.text(source_id)}"]
    if customer:
        conditions.append(f"e.group_id = {writing.text(customer)}")
    conditions += [f"e.event_time >= {since}", f"e.event_time < {until}"]
    conditions += [writing.condition(each) for each in values["where"]]
    return " AND ".join(conditions)


def _one_of(writing: Writing, types: tuple[str, ...]) -> str:
    return f"has({writing.add(list(types), 'Array(String)')}, e.event_type)" if types else "true"


def _moment(parameter: str) -> str:
    return f"fromUnixTimestamp64Milli({parameter}, 'UTC')"


def _set(writing: Writing, **values: Any) -> None:
    writing.parameters.update(values)


def _events(writing: Writing, values: Mapping[str, Any]) -> dict[str, str]:
    filled = _grouped(writing, values) | _stepped(writing, values)
    filled["kept"] = _one_of(writing, values["type"])
    filled["by"] = f"time, {filled['by']}" if values["group"] else "time"
    return filled


def _grouped(writing: Writing, values: Mapping[str, Any]) -> dict[str, str]:
    groups: tuple[Group, ...] = values["group"]
    _set(writing, labels=[group.label for group in groups], limit=values["limit"])
    columns = []
    for number, group in enumerate(groups):
        view = view_of(writing.add, group.field)
        of_property = isinstance(group.field, Property)
        shown = f"ifNull({view.text}, {view.json})" if of_property else view.text
        columns.append(f"{shown} AS g{number},")
    names = [f"g{number}" for number in range(len(groups))]
    listed = ", ".join(names)
    return {"keys": listed, "groups": " ".join(columns), "by": listed or "()"}


def _stepped(writing: Writing, values: Mapping[str, Any]) -> dict[str, str]:
    if values["step"] == "none":
        return {"time": _moment(writing.add(values["since"], "Int64"))}
    return {"time": f"toDateTime64({STEPS[values['step']]}, 3, 'UTC')"}


def _funnel(writing: Writing, values: Mapping[str, Any]) -> dict[str, str]:
    steps = values["steps"]
    _set(writing, steps=list(steps), window=values["window"])
    numbers = range(1, len(steps) + 1)
    conditions = [f"e.event_type = {{steps:Array(String)}}[{number}]" for number in numbers]
    return {"conditions": ", ".join(conditions)}


def _retention(writing: Writing, values: Mapping[str, Any]) -> dict[str, str]:
    number, start = _BUCKETS[values["step"]]
    last = _moment(writing.add(values["until"] - 1, "Int64"))
    add = "addMonths" if values["step"] == "month" else "addDays"
    _set(writing, periods=values["periods"])
    return {
        "bucket": number.format("e.event_time", "e.event_time"),
        "bucket_start": f"toDateTime64({add}(toDate('1970-01-01'), {start}), 3, 'UTC')",
        "last_bucket": number.format(last, last),
        "starts": _one_of(writing, values["start"]),
        "returns": _one_of(writing, values["returning"]),
    }


def _pages(writing: Writing, values: Mapping[str, Any]) -> dict[str, str]:
    _set(writing, limit=values["limit"])
    return {"viewed": _one_of(writing, values["type"]) if values["type"] else "e.kind = 'page'"}


_FILLED: Final[Mapping[str, Callable[[Writing, Mapping[str, Any]], dict[str, str]]]] = {
    "events": _events,
    "funnel": _funnel,
    "live": _grouped,
    "pages": _pages,
    "retention": _retention,
    "sessions": _stepped,
}
