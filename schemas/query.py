"""A question about a source's events: what a vendor's query API is read into.

Every name and value here is a client's; :mod:`sinks.select` makes SQL of it in which none of
them occurs. Who may ask what (source, customer) is not part of the question.
"""

from dataclasses import dataclass
from typing import Final, Literal

Scalar = str | int | float | bool | None
"""A value to compare with; a time is Unix ms."""
Column = Literal[
    "event_id",
    "event_type",
    "event_time",
    "received_at",
    "group_id",
    "user_id",
    "anonymous_id",
    "profile_id",
    "session_id",
    "ip",
    "country",
    "region",
    "city",
    "browser",
    "browser_version",
    "os",
    "os_version",
    "device",
    "device_type",
    "user_agent",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
]
Function = Literal["count", "distinct", "sum", "average", "least", "greatest", "quantile"]
Operator = Literal[
    "equals",
    "differs",
    "above",
    "from",
    "below",
    "to",
    "contains",
    "lacks",
    "begins",
    "ends",
    "in",
    "not-in",
    "exists",
    "absent",
]
Step = Literal["", "minute", "hour", "day", "week", "month", "year"]

TIMES: Final = frozenset({"event_time", "received_at"})
"""Columns that are times: compared with, and computed as, Unix ms."""
MAX_ROWS: Final = 10_000
"""Rows of an answer."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of the event; of an object in it, the names joined by a dot.

    Attributes:
        path: never empty, and no name in which ``^`` or ``:`` stands before a backtick: that
            is how ClickHouse writes parts of a JSON column, so such a property is out of reach.
    """

    path: str


Field = Column | Property
"""A column of ``headrace.events`` by its name, or a property."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are alike in ``field`` count together.

    Attributes:
        label: what the answer calls the field.
    """

    label: str
    field: Field


@dataclass(frozen=True, slots=True)
class Computation:
    """A figure for each group.

    Attributes:
        label: what the answer calls it.
        field: None for whole rows, with ``count`` only. Figures beside ``count`` and
            ``distinct`` are of the numbers (and times) among the field's values.
        level: of ``quantile``, 0 to 1.
    """

    label: str
    function: Function
    field: Field | None = None
    level: float = 0.5


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition that every row meets.

    A value is compared with values of its own kind only: ``5`` with numbers, ``"5"`` with texts.
    As in SQL, ``differs``, ``lacks`` and ``not-in`` do not hold where there is no value.

    Attributes:
        values: one; any number for ``in`` and ``not-in``; none for ``exists`` and ``absent``.
    """

    field: Field
    operator: Operator
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What the answer is sorted by: numbers before texts, what has no value last.

    Attributes:
        label: of a group or computation, :attr:`Query.step_label`, or for rows that are not
            grouped a column's name.
    """

    label: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question.

    With neither groups nor computations nor a step the answer is the events themselves, newest
    first: ``event_id``, ``event_type``, ``event_time``, ``received_at``, ``group_id``,
    ``properties``.

    Attributes:
        since, until: event time in Unix ms, the first inclusive, the last exclusive; None for any.
        step: groups by time, too, in UTC; weeks begin on Monday.
        step_label: what the answer calls the beginning of the step.
        limit: rows of the answer, 1 to :data:`MAX_ROWS`.
    """

    since: int | None = None
    until: int | None = None
    groups: tuple[Group, ...] = ()
    step: Step = ""
    step_label: str = "date"
    computations: tuple[Computation, ...] = ()
    filters: tuple[Filter, ...] = ()
    orders: tuple[Order, ...] = ()
    limit: int = 1_000

    @property
    def lists_events(self) -> bool:
        """Whether the answer is events, not figures."""
        return not (self.groups or self.computations or self.step)
