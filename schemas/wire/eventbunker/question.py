"""EventBunker's JSON query -> :class:`schemas.query.Query`."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast, get_args

from schemas.errors import Malformed
from schemas.query import (
    MAX_ROWS,
    TIMES,
    Computation,
    Filter,
    Function,
    Group,
    Operator,
    Order,
    Query,
    Scalar,
    Step,
)
from schemas.reading import (
    MAX_NAME,
    JsonObject,
    Where,
    as_object,
    as_text,
    as_whole,
    required,
    spell,
)
from schemas.wire.eventbunker import period
from schemas.wire.eventbunker.names import OWN_FIELDS
from schemas.wire.eventbunker.parts import field_of, items, named_field, only, plain, value_of

T = TypeVar("T")

DEFAULT_ROWS: Final = 1_000
FUNCTIONS: Final[Mapping[str, Function]] = {
    "count": "count",
    "count_distinct": "distinct",
    "sum": "sum",
    "avg": "average",
    "average": "average",
    "min": "least",
    "max": "greatest",
    "median": "quantile",
}
OPERATORS: Final[Mapping[str, Operator]] = {
    "equals": "equals",
    "not_equals": "differs",
    "gt": "above",
    "greater_than": "above",
    "gte": "from",
    "greater_than_or_equals": "from",
    "lt": "below",
    "less_than": "below",
    "lte": "to",
    "less_than_or_equals": "to",
    "contains": "contains",
    "not_contains": "lacks",
    "starts_with": "begins",
    "ends_with": "ends",
    "in": "in",
    "not_in": "not-in",
    "exists": "exists",
    "is_not_null": "exists",
    "not_exists": "absent",
    "is_null": "absent",
}
_FIELDS: Final = (
    *("time_period", "group_by", "group_by_date", "computations"),
    *("filters", "order_by", "limit"),
)
STEPS: Final = tuple(filter(None, get_args(Step)))
_DATE: Final = "date"
_PERCENTILE: Final = re.compile(r"(?:p|percentile_)([0-9]{1,2}(?:\.[0-9]{1,3})?|100)")
_BODY: Final = ("body",)


def read(body: JsonObject, now: int) -> Query:
    """Read a query; ``now`` in Unix ms.

    Raises:
        Malformed: ``field-unknown``, ``field-invalid``, ``function-unknown``,
            ``operator-unknown``, ``value-invalid``, ``too-many-items``, ``limit-invalid``,
            ``period-invalid``, ``datetime-parsing``, ``missing``, ``dict-type``, ``list-type``,
            ``string-type``, ``string-too-long``.
    """
    only(body, _FIELDS, _BODY)
    since, until = period.read(body.get("time_period"), now)
    return Query(
        since=since,
        until=until,
        groups=_each(body, "group_by", _group),
        step=_step(body.get("group_by_date")),
        step_label=_DATE,
        computations=_each(body, "computations", _computation),
        filters=_each(body, "filters", _filter),
        orders=_each(body, "order_by", _order),
        limit=_limit(body.get("limit")),
    )


def labelled(query: Query) -> Query:
    """Check that every label names one thing, and that what is ordered by is there.

    Raises:
        Malformed: ``label-repeated`` or ``order-unknown``.
    """
    labels = [each.label for each in query.groups]
    labels += [each.label for each in query.computations]
    labels += [query.step_label] if query.step else []
    for label in labels:
        if labels.count(label) > 1:
            message = f"'{label}' is there twice: give a computation another name with 'as'"
            raise Malformed("label-repeated", message, where=_BODY)
    if query.lists_events:
        labels = list(OWN_FIELDS)
    for each in query.orders:
        if each.label not in labels:
            message = f"order_by: '{each.label}' is none of {', '.join(labels)}"
            raise Malformed("order-unknown", message, where=(*_BODY, "order_by"))
    if not query.lists_events:
        return query
    orders = tuple(Order(OWN_FIELDS[each.label], each.descending) for each in query.orders)
    return Query(query.since, query.until, filters=query.filters, orders=orders, limit=query.limit)


def _each(body: JsonObject, name: str, take: Callable[[Any, Where], T]) -> tuple[T, ...]:
    return tuple(take(item, (*_BODY, name, n)) for n, item in enumerate(items(body, name, _BODY)))


def _group(value: Any, where: Where) -> Group:
    label, field = field_of(value, where)
    if field in TIMES:
        message = f"{spell(where)}: group by time with group_by_date"
        raise Malformed("field-invalid", message, where=where)
    return Group(label, field)


def _computation(value: Any, where: Where) -> Computation:
    item = as_object(value, where)
    only(item, ("field_name", "function", "as"), where)
    at = (*where, "function")
    name = as_text(required(item, "function", where), at)
    percentile = _PERCENTILE.fullmatch(name)
    function = "quantile" if percentile else FUNCTIONS.get(name)
    if function is None:
        known = ", ".join((*FUNCTIONS, "percentile_N"))
        raise Malformed("function-unknown", f"{spell(at)} must be one of {known}", where=at)
    label, field = name, None
    if function != "count" or item.get("field_name") not in (None, "*"):
        label, field = named_field(item, where)
        label = f"{name}_{label}"
    if item.get("as") is not None:
        label = plain(item["as"], (*where, "as"))[:MAX_NAME]
    level = float(percentile[1]) / 100 if percentile else 0.5
    return Computation(label, function, field, level)


def _filter(value: Any, where: Where) -> Filter:
    item = as_object(value, where)
    only(item, ("field_name", "op", "value"), where)
    _, field = named_field(item, where)
    at = (*where, "op")
    operator = OPERATORS.get(as_text(required(item, "op", where), at))
    if operator is None:
        message = f"{spell(at)} must be one of {', '.join(OPERATORS)}"
        raise Malformed("operator-unknown", message, where=at)
    if operator in {"exists", "absent"}:
        return Filter(field, operator)
    at = (*where, "value")
    if operator in {"in", "not-in"}:
        required(item, "value", where)
        found = tuple(value_of(each, field, at) for each in items(item, "value", where))
    else:
        found = (value_of(required(item, "value", where), field, at),)
    _check_kind(operator, found[0] if found else "", at)
    return Filter(field, operator, found)


def _check_kind(operator: Operator, value: Scalar, where: Where) -> None:
    kinds: tuple[type, ...] = (str, int, float)
    if operator in {"begins", "ends"}:
        kinds = (str,)
    if operator in {"begins", "ends", "above", "from", "below", "to"} and (
        type(value) not in kinds
    ):
        message = f"{spell(where)} must be a string" + (" or number" if int in kinds else "")
        raise Malformed("value-invalid", message, where=where)


def _order(value: Any, where: Where) -> Order:
    item = as_object(value, where)
    only(item, ("field_name", "direction"), where)
    label = plain(required(item, "field_name", where), (*where, "field_name"))
    at = (*where, "direction")
    direction = as_text(item.get("direction", "ASC"), at).upper()
    if direction not in {"ASC", "DESC"}:
        raise Malformed("value-invalid", f"{spell(at)} must be ASC or DESC", where=at)
    return Order(label, direction == "DESC")


def _step(value: Any) -> Step:
    if value is None:
        return ""
    if value not in STEPS:
        where = (*_BODY, "group_by_date")
        message = f"group_by_date must be one of {', '.join(STEPS)}"
        raise Malformed("value-invalid", message, where=where)
    return cast("Step", value)


def _limit(value: Any) -> int:
    value = as_whole(value)
    if value is None:
        return DEFAULT_ROWS
    if type(value) is not int or not 1 <= value <= MAX_ROWS:
        where = (*_BODY, "limit")
        raise Malformed("limit-invalid", f"limit must be 1 to {MAX_ROWS}", where=where)
    return value
