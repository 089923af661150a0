"""A model of what a question means, in plain Python over plain rows."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.query import Computation, Field, Filter, Property, Query, Scalar

Event = Mapping[str, Any]

EXACT = 1 << 53
"""Numbers beyond it are compared and computed as doubles, but equal only when they are."""


def answer(events: Sequence[Event], query: Query) -> list[dict[str, Any]]:
    """Answer a question, in no order, as if its limit were infinite."""
    kept = [event for event in events if _meets(event, query)]
    if query.lists_events:
        return [{name: _listed(event, name) for name in _LISTED} for event in kept]
    groups: dict[tuple[str, ...], list[Event]] = {}
    for event in kept:
        groups.setdefault(tuple(map(repr, _key(event, query))), []).append(event)
    if not groups and not query.groups and not query.step:
        groups[()] = []
    return [_row(members, query) for members in groups.values()]


_LISTED = ("event_id", "event_type", "event_time", "received_at", "group_id", "properties")


def value(event: Event, field: Field) -> Any:
    if not isinstance(field, Property):
        return event[field] if event[field] != "" else None
    found: Any = event["properties"]
    for step in field.path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return None if isinstance(found, dict) else found


def _listed(event: Event, name: str) -> Any:
    return event[name]


def _meets(event: Event, query: Query) -> bool:
    at = event["event_time"]
    if query.since is not None and at < query.since:
        return False
    if query.until is not None and at >= query.until:
        return False
    return all(_holds(value(event, each.field), each) for each in query.filters)


def _holds(found: Any, given: Filter) -> bool:
    first = given.values[0] if given.values else None
    negations = {"differs": "equals", "lacks": "contains", "not-in": "in"}
    operator = negations.get(given.operator, given.operator)
    held = _POSITIVE[operator](found, first, given.values)
    return found is not None and not held if given.operator in negations else held


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, list) or isinstance(b, list):
        return False
    return _kind(a) == _kind(b) and a == b


def _kind(given: Any) -> str:
    if isinstance(given, bool):
        return "boolean"
    return "number" if isinstance(given, int | float) else type(given).__name__


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Any], bool]:
    def holds(found: Any, first: Any, _: Any) -> bool:
        if _kind(found) != _kind(first) or _kind(found) not in {"number", "str"}:
            return False
        if isinstance(found, str):
            return test(found.encode(), first.encode())
        return test(float(found), float(first))

    return holds


def _contains(found: Any, first: Any, _: Any) -> bool:
    if isinstance(found, list):
        return any(_same(item, first) for item in found)
    return isinstance(found, str) and isinstance(first, str) and first in found


def _edge(method: str) -> Callable[[Any, Any, Any], bool]:
    def holds(found: Any, first: Any, _: Any) -> bool:
        return isinstance(found, str) and bool(getattr(found, method)(first))

    return holds


_POSITIVE: dict[str, Callable[[Any, Any, tuple[Scalar, ...]], bool]] = {
    "equals": lambda found, first, _: _same(found, first),
    "above": _compared(lambda a, b: a > b),
    "from": _compared(lambda a, b: a >= b),
    "below": _compared(lambda a, b: a < b),
    "to": _compared(lambda a, b: a <= b),
    "contains": _contains,
    "begins": _edge("startswith"),
    "ends": _edge("endswith"),
    "in": lambda found, _, values: any(_same(found, each) for each in values),
    "exists": lambda found, _, __: found is not None,
    "absent": lambda found, _, __: found is None,
}


def _key(event: Event, query: Query) -> list[Any]:
    key = [_grouped(value(event, each.field)) for each in query.groups]
    return [*key, step(event["event_time"], query.step)] if query.step else key


def _grouped(found: Any) -> Any:
    """Numbers that are equal are one group; a truth value is no number."""
    return whole(found)


def whole(found: Any) -> Any:
    """Write a number that is whole as such, as far as a double holds it."""
    exact = isinstance(found, float) and found.is_integer() and abs(found) < EXACT
    return int(found) if exact else found


def step(ms: int, name: str) -> int:
    """Beginning of the step that a moment is in."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    smaller: dict[str, dict[str, int]] = {
        "minute": {},
        "hour": {"minute": 0},
        "day": {"minute": 0, "hour": 0},
        "week": {"minute": 0, "hour": 0},
        "month": {"minute": 0, "hour": 0, "day": 1},
        "year": {"minute": 0, "hour": 0, "day": 1, "month": 1},
    }
    start = moment.replace(second=0).replace(**smaller[name])  # type: ignore[arg-type]
    if name == "week":
        start -= timedelta(days=start.weekday())
    return int(start.timestamp()) * 1000


def _row(members: Sequence[Event], query: Query) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if members:
        row = {each.label: _grouped(value(members[0], each.field)) for each in query.groups}
        if query.step:
            row[query.step_label] = step(members[0]["event_time"], query.step)
    return row | {each.label: _figure(members, each) for each in query.computations}


def _figure(members: Sequence[Event], computation: Computation) -> Any:
    if computation.field is None:
        return len(members)
    field = computation.field
    found = [each for each in (value(event, field) for event in members) if each is not None]
    if computation.function == "count":
        return len(found)
    if computation.function == "distinct":
        return len({repr(_grouped(each)) for each in found})
    numbers = sorted(float(each) for each in found if _kind(each) == "number")
    return whole(_of_numbers(numbers, computation)) if numbers else None


def _of_numbers(numbers: list[float], computation: Computation) -> float:
    if computation.function == "quantile":
        place = computation.level * (len(numbers) - 1)
        low = numbers[int(place)]
        high = numbers[min(int(place) + 1, len(numbers) - 1)]
        return low + (high - low) * (place - int(place))
    functions: dict[str, Callable[[list[float]], float]] = {
        "sum": lambda each: float(sum(each)),
        "average": statistics.fmean,
        "least": min,
        "greatest": max,
    }
    return functions[computation.function](numbers)
