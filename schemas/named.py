"""Questions that people ask often, by name: what each takes and answers; pure.

:mod:`schemas.named_reading` reads what was given; the SQL is ``sinks/queries/<name>.sql``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["moment", "span", "whole", "choice", "texts", "fields", "filters"]

MAX_STEPS: Final = 10
MAX_FIELDS: Final = 3
MAX_FILTERS: Final = 20
MAX_TEXTS: Final = 100
MAX_PERIODS: Final = 400
MAX_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a named query may be given.

    Attributes:
        default: as it would be given, None where it must be.
        most: items of a list, or the largest whole number.
        least: the same from below.
        choices: of ``choice``.
    """

    name: str
    kind: Kind
    text: str
    default: Any = None
    most: int = MAX_TEXTS
    least: int = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A question with a name.

    Attributes:
        columns: of the answer, name -> what it is, in order.
    """

    name: str
    text: str
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A named query with its values: Unix ms, ms, whole numbers, texts, Groups and Filters."""

    name: str
    values: Mapping[str, Any]


_SINCE: Final = Parameter(
    "since", "moment", "first moment: ISO 8601, Unix time, or a span before now such as 7d", "30d"
)
_UNTIL: Final = Parameter("until", "moment", "moment after the last, written alike", "now")
_WHERE: Final = Parameter(
    "where",
    "filters",
    "condition that every event meets: country=CH, price>=10, utm_source!=google, page_path~/shop",
    (),
    MAX_FILTERS,
)
_GROUP: Final = Parameter(
    "group", "fields", "a column of events, or a property such as price or cart.total", (), 3
)
_LIMIT: Final = Parameter("limit", "whole", "rows of the answer", 1_000, MAX_LIMIT, 1)
_TIMES: Final = ("minute", "hour", "day", "week", "month")


def _step(default: str, *others: str) -> Parameter:
    choices = (*_TIMES, *others)
    return Parameter("step", "choice", "length of a bucket, UTC", default, choices=choices)


_FUNNEL: Final = Named(
    "funnel",
    "How many profiles went through steps in their order, within a window from the first.",
    (
        Parameter("steps", "texts", "event types in order, all different", None, MAX_STEPS, 2),
        Parameter("window", "span", "longest way from first to last step", "7d"),
        _SINCE,
        _UNTIL,
        _WHERE,
    ),
    {
        "step": "number of the step, from 1",
        "event_type": "of the step",
        "profiles": "that came so far",
        "of_first": "their share of those of the first step",
        "of_previous": "their share of those of the step before",
    },
)
_RETENTION: Final = Named(
    "retention",
    "Of the profiles that began in a bucket, how many came back so many buckets later.",
    (
        Parameter(
            "step", "choice", "length of a bucket, UTC", "week", choices=("day", "week", "month")
        ),
        Parameter("start", "texts", "event types that begin; none for any", ()),
        Parameter("returning", "texts", "event types that count as coming back; none for any", ()),
        Parameter("periods", "whole", "buckets after the first", 12, MAX_PERIODS),
        Parameter("since", "moment", "first moment, as for all", "90d"),
        _UNTIL,
        _WHERE,
    ),
    {
        "cohort": "beginning of the bucket in which a profile's first beginning is",
        "size": "profiles of the cohort",
        "period": "buckets later, 0 for the same one",
        "profiles": "of the cohort that came back then",
        "share": "of the cohort",
    },
)
NAMED: Final[Mapping[str, Named]] = {
    named.name: named
    for named in (
        Named(
            "events",
            "How many events and profiles, by time and by the values of any field.",
            (
                Parameter("type", "texts", "event types; none for all", ()),
                _step("day", "none"),
                _GROUP,
                _SINCE,
                _UNTIL,
                _WHERE,
                _LIMIT,
            ),
            {
                "time": "beginning of the bucket",
                "groups": "field -> value as text, null where there is none",
                "events": "number of events",
                "profiles": "number of profiles they are of",
            },
        ),
        _FUNNEL,
        _RETENTION,
        Named(
            "sessions",
            "Sessions by the time at which they began, with what is typical of them.",
            (_step("day", "none"), _SINCE, _UNTIL, _WHERE),
            {
                "time": "beginning of the bucket",
                "sessions": "number of sessions",
                "profiles": "number of profiles they are of",
                "events": "events in a session, on average",
                "pages": "pages and screens in a session, on average",
                "seconds": "from first to last event, on average",
                "bounces": "sessions of one event",
            },
        ),
        Named(
            "pages",
            "The pages that were seen most.",
            (
                Parameter("type", "texts", "event types; none for the kind page", ()),
                _SINCE,
                _UNTIL,
                _WHERE,
                Parameter("limit", "whole", "rows of the answer", 50, MAX_LIMIT, 1),
            ),
            {
                "host": "of the page",
                "path": "of the page",
                "views": "number of events",
                "profiles": "number of profiles they are of",
                "sessions": "number of sessions they are in",
            },
        ),
        Named(
            "live",
            "Who is there now.",
            (
                Parameter("within", "span", "how long a visitor counts as present", "5m"),
                _GROUP,
                _WHERE,
                _LIMIT,
            ),
            {
                "groups": "field -> value as text, null where there is none",
                "profiles": "number of profiles seen",
                "sessions": "number of their sessions",
                "events": "number of their events",
                "last": "time of the last of them",
            },
        ),
    )
}
"""Every named query. All but ``live`` look at events from ``since`` to before ``until`` only."""
