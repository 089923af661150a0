"""Questions -> SQL. Pure, and no text of a client's is ever part of the SQL."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.query import Computation, Filter, Function, Operator, Order, Query, Scalar
from sinks.fields import View, view_of

Statement = tuple[str, dict[str, Any]]
"""SQL and its ``{name:Type}`` parameters."""

_EXACT: Final = 1 << 53
"""Beyond it a Float64 does not hold every integer."""
STEPS: Final[Mapping[str, str]] = {
    "minute": "toStartOfMinute(e.event_time)",
    "hour": "toStartOfHour(e.event_time)",
    "day": "toStartOfDay(e.event_time)",
    "week": "toDateTime(toMonday(e.event_time), 'UTC')",
    "month": "toDateTime(toStartOfMonth(e.event_time), 'UTC')",
    "year": "toDateTime(toStartOfYear(e.event_time), 'UTC')",
}
_NUMBER_OF: Final[Mapping[Function, str]] = {
    "sum": "sum",
    "average": "avg",
    "least": "min",
    "greatest": "max",
}
_LISTED: Final[Mapping[str, str]] = {
    "event_id": "toString(e.event_id)",
    "event_type": "toString(e.event_type)",
    "event_time": "toUnixTimestamp64Milli(e.event_time)",
    "received_at": "toUnixTimestamp64Milli(e.received_at)",
    "group_id": "e.group_id",
    "properties": "toJSONString(e.properties)",
}
LISTED: Final = tuple(_LISTED)
"""Names of an event's values in an answer of events, in order."""


def select(table: str, source_id: str, customer: str, query: Query) -> Statement:
    """Ask one source's rows, one customer's unless ``customer`` is "".

    Columns of the result are, in this order: of groups JSON texts (None without a value), of
    the step Unix ms, of computations numbers; or what :data:`LISTED` says.

    Args:
        table: the qualified name of the events.
    """
    writing = Writing()
    where = [f"e.source_id = {writing.text(source_id)}"]
    if customer:
        where.append(f"e.group_id = {writing.text(customer)}")
    for comparison, moment in ((">=", query.since), ("<", query.until)):
        if moment is not None:
            at = f"fromUnixTimestamp64Milli({writing.add(moment, 'Int64')}, 'UTC')"
            where.append(f"e.event_time {comparison} {at}")
    where += [writing.condition(each) for each in query.filters]
    columns, grouping = writing.columns(query)
    order = _listed_order(query) if query.lists_events else writing.order(query)
    sql = (
        f"SELECT {', '.join(columns)} FROM {table} AS e FINAL WHERE {' AND '.join(where)}"  # noqa: S608 - of its own words
        f"{grouping}{order} LIMIT {writing.add(query.limit, 'UInt32')}"
    )
    return sql, writing.parameters


def erase(table: str, on_cluster: str, source_id: str, customer: str) -> Statement:
    """Delete one customer's rows of one source."""
    writing = Writing()
    condition = f"source_id = {writing.text(source_id)} AND group_id = {writing.text(customer)}"
    return f"DELETE FROM {table}{on_cluster} WHERE {condition}", writing.parameters  # noqa: S608 - as above


def count(table: str, source_id: str, customer: str) -> Statement:
    """Count one customer's rows of one source."""
    writing = Writing()
    condition = f"source_id = {writing.text(source_id)} AND group_id = {writing.text(customer)}"
    return f"SELECT count() FROM {table} FINAL WHERE {condition}", writing.parameters  # noqa: S608 - as above


def observed(table: str, source_id: str, most: int) -> Statement:
    """Ask for the paths and types of every collection's properties."""
    writing = Writing()
    sql = (
        "SELECT toString(e.event_type) AS name, distinctJSONPathsAndTypes(e.properties)"  # noqa: S608 - as above
        f" FROM {table} AS e WHERE e.source_id = {writing.text(source_id)}"
        f" GROUP BY name ORDER BY name LIMIT {writing.add(most, 'UInt32')}"
    )
    return sql, writing.parameters


class Writing:
    """SQL being written: every name and value of a client becomes a parameter."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def add(self, value: Any, type_name: str) -> str:
        """Make a value a parameter of this ClickHouse type; returns how the SQL names it."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{type_name}}}"

    def text(self, value: str) -> str:
        """Make a text a parameter."""
        return self.add(value, "String")

    def columns(self, query: Query) -> tuple[list[str], str]:
        """Write the result's columns, and the GROUP BY that goes with them."""
        if query.lists_events:
            return list(_LISTED.values()), ""
        keys = [
            f"{view_of(self.add, each.field).json} AS g{n}" for n, each in enumerate(query.groups)
        ]
        names = [f"g{n}" for n in range(len(keys))]
        if query.step:
            keys.append(f"toUnixTimestamp64Milli(toDateTime64({STEPS[query.step]}, 3)) AS step")
            names.append("step")
        figures = [f"{self.figure(each)} AS f{n}" for n, each in enumerate(query.computations)]
        return keys + figures, f" GROUP BY {', '.join(names)}" if names else ""

    def figure(self, computation: Computation) -> str:
        """Write a figure of a group."""
        field = computation.field
        if field is None:
            return "count()"
        view = view_of(self.add, field)
        match computation.function:
            case "count":
                return f"countIf({view.present})"
            case "distinct":
                return f"uniqExact({view.json})"
            case "quantile":
                level = min(max(float(computation.level), 0.0), 1.0)
                return f"quantileExactInclusive({level!r})({view.number})"
            case function:
                return f"{_NUMBER_OF[function]}({view.number})"

    def order(self, query: Query) -> str:
        """Sort by what was asked, then by the groups, so that an answer has one order."""
        places = {each.label: f"g{n}" for n, each in enumerate(query.groups)}
        places |= {query.step_label: "step"} if query.step else {}
        places |= {each.label: f"f{n}" for n, each in enumerate(query.computations)}
        asked = [each for each in query.orders if each.label in places]
        rest = [Order(label) for label in places if places[label][0] in "gs"]
        if query.step:
            rest.sort(key=lambda each: places[each.label] != "step")
        terms = [term for each in asked + rest for term in _terms(places[each.label], each)]
        return f" ORDER BY {', '.join(terms)}" if terms else ""

    def condition(self, given: Filter) -> str:
        """Write a condition that is true or false, never NULL."""
        view = view_of(self.add, given.field)
        return f"ifNull({_CONDITIONS[given.operator](self, view, given.values)}, false)"

    def equals(self, view: View, value: Scalar) -> str:
        """Compare with a value of its own kind; None means that there is no value."""
        match value:
            case None:
                return f"(NOT {view.present})"
            case bool():
                return f"({view.boolean} = {self.add(value, 'Bool')})"
            case str():
                return f"({view.text} = {self.text(value)})"
            case int() if abs(value) >= _EXACT:
                return f"({view.json} = {self.text(str(value))})"
            case _:
                return f"({view.number} = {self.add(float(value), 'Float64')})"

    def compares(self, view: View, sign: str, value: Scalar) -> str:
        """Compare by order, texts with texts and numbers with numbers."""
        if isinstance(value, str):
            return f"({view.text} {sign} {self.text(value)})"
        if value is None or isinstance(value, bool):
            return "false"
        return f"({view.number} {sign} {self.add(float(value), 'Float64')})"

    def contains(self, view: View, value: Scalar) -> str:
        """Find a text in a text, or a value among an array's."""
        items = f"JSONExtractArrayRaw(ifNull({view.json}, ''))"
        if isinstance(value, str):
            text = self.text(value)
            member = (
                f"arrayExists(x -> startsWith(x, '\"') AND JSONExtractString(x) = {text}, {items})"
            )
            return f"(ifNull(position({view.text}, {text}) > 0, false) OR {member})"
        if value is None or isinstance(value, bool):
            return f"has({items}, {self.text(str(value).lower())})"
        number = self.add(float(value), "Float64")
        return f"arrayExists(x -> ifNull(toFloat64OrNull(x) = {number}, false), {items})"

    def any_of(self, view: View, values: tuple[Scalar, ...]) -> str:
        """Compare with several values at once."""
        texts = [value for value in values if isinstance(value, str)]
        parts = [self.equals(view, value) for value in values if not isinstance(value, str)]
        if texts:
            parts.append(f"has({self.add(texts, 'Array(String)')}, {view.text})")
        return " OR ".join(f"ifNull({part}, false)" for part in parts) or "false"


def _one(values: tuple[Scalar, ...]) -> Scalar:
    return values[0] if values else None


_Condition = Callable[[Writing, View, tuple[Scalar, ...]], str]


def _negated(condition: _Condition) -> _Condition:
    def write(writing: Writing, view: View, values: tuple[Scalar, ...]) -> str:
        return f"({view.present} AND NOT ifNull({condition(writing, view, values)}, false))"

    return write


def _compared(sign: str) -> _Condition:
    return lambda writing, view, values: writing.compares(view, sign, _one(values))


def _contains(writing: Writing, view: View, values: tuple[Scalar, ...]) -> str:
    return writing.contains(view, _one(values))


def _at_edge(function: str) -> _Condition:
    def write(writing: Writing, view: View, values: tuple[Scalar, ...]) -> str:
        value = _one(values)
        return f"{function}({view.text}, {writing.text(value if isinstance(value, str) else '')})"

    return write


def _equals(writing: Writing, view: View, values: tuple[Scalar, ...]) -> str:
    return writing.equals(view, _one(values))


def _in(writing: Writing, view: View, values: tuple[Scalar, ...]) -> str:
    return f"({writing.any_of(view, values)})"


_CONDITIONS: Final[Mapping[Operator, _Condition]] = {
    "equals": _equals,
    "differs": _negated(_equals),
    "above": _compared(">"),
    "from": _compared(">="),
    "below": _compared("<"),
    "to": _compared("<="),
    "contains": _contains,
    "lacks": _negated(_contains),
    "begins": _at_edge("startsWith"),
    "ends": _at_edge("endsWith"),
    "in": _in,
    "not-in": _negated(_in),
    "exists": lambda _writing, view, _values: view.present,
    "absent": lambda _writing, view, _values: f"(NOT {view.present})",
}


def _terms(place: str, order: Order) -> list[str]:
    direction = " DESC" if order.descending else ""
    if place[0] != "g":
        return [f"{place}{direction}"]
    decoded = f"if(startsWith({place}, '\"'), JSONExtractString(ifNull({place}, '')), {place})"
    return [f"toFloat64OrNull({place}){direction}", f"{decoded}{direction}", place]


def _listed_order(query: Query) -> str:
    asked = [each for each in query.orders if each.label in _LISTED]
    terms = [f"{_LISTED[each.label]}{' DESC' if each.descending else ''}" for each in asked]
    return f" ORDER BY {', '.join([*terms, 'e.event_time DESC', 'e.event_id'])}"
