"""The canonical event: one shape for every vendor, named like the columns of ClickHouse."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal

from schemas.values import frozen

Kind = Literal["track", "page", "screen", "identify", "group", "alias"]

EARLIEST_MS: Final = 1_577_836_800_000
"""2020-01-01: older clocks are wrong, and each month of nonsense is a part in ClickHouse."""
RECORDED_MS: Final = 0
"""1970-01-01: what was recorded elsewhere may be as old as a column holds; ClickHouse keeps all
before 2020 in one partition."""
AHEAD_MS: Final = 86_400_000
"""How far ahead of the edge's clock a client's may run."""
_CALENDAR: Final = range(-30_610_224_000_000, 253_402_300_800_000)
"""The years 1000 to 9999: those of four digits."""
_LONGEST_NUMBER: Final = 32

DETAILS: Final = frozenset(
    {
        "page_url",
        "page_path",
        "page_title",
        "referrer",
        "referrer_host",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_term",
        "utm_content",
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
        "screen",
        "locale",
        "timezone",
        "user_agent",
        "library",
        "library_version",
        "channel",
    }
)
"""Columns that an event may fill and need not: text each, left out of the line when empty."""
DERIVED: Final = frozenset(
    {
        "page_host",
        "referrer_medium",
        "referrer_source",
        "referrer_term",
        "click_id_type",
        "click_id",
        "latitude",
        "longitude",
        "is_bot",
    }
)
"""Columns that the processors alone fill; they fill empty ones of :data:`DETAILS`, too."""


@dataclass(frozen=True, slots=True)
class Binding:
    """How a session and a profile belong together where the client names both (Tracardi's rules).

    Attributes:
        rule: ``sticky``: the profile that the session began with is its profile for good, and
            one it does not have yet is the one that the edge let through, else a new one;
            ``static``: the client's profile id is used as it is, and the session's from now on;
            ``existing``: a session is looked for in this source, then in any, and one that
            nobody had seen by then is none; it is never given a profile;
            ``nobody``: the session is noted and no profile is touched.
        handed_over: profile id, issued by headrace, that a link from another site brought; when
            it is another than the client's own, the two are merged and it survives.
    """

    rule: Literal["sticky", "static", "existing", "nobody"]
    handed_over: str = ""


@frozen
class Event:
    """What a vendor's ``decode`` understood.

    Attributes:
        kind: what the event does.
        event_type: the event's name or collection, as queries use it.
        event_time: client's time of the event, Unix ms, clock-corrected where the protocol
            allows; None means when it was received.
        sent_at: client's time of sending, Unix ms.
        properties, context: JSON objects as the client sent them.
        details: columns out of :data:`DETAILS`.
        repeats: property -> column, for protocols that have derived columns among an event's
            properties; a property that the client sent stays as it is.
        flat: nested values have the type of their first element, see :func:`schemas.types.infer`.
        profiled: False when the protocol says that the event is nobody's: it gets no profile,
            and no session but the one its client named.
        errors: what is wrong with the event although it is kept; non-empty means not valid.
        binding: how the session that the client named decides whose event it is; None where
            ids of the event decide.
        changes: what the event says of its profile's traits, of its group's where ``kind`` is
            ``group``: members ``set``, ``set_once``, ``increment``, ``append``, ``prepend``,
            ``union``, ``unset`` and ``clear`` of :class:`schemas.profiles.Change`; None for
            nothing.
        previous_id: of an alias, the id that the user went by before, a user's or a visitor's.
        saves_event, saves_session, saves_profile: False when the client asked that the event
            is processed and not stored, stored without its session, without its profile.
        recorded: its time is that of a record and not of a client's clock.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    kind: Kind
    event_type: str
    event_time: int | None = None
    sent_at: int | None = None
    user_id: str = ""
    anonymous_id: str = ""
    group_id: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    repeats: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    flat: bool = False
    profiled: bool = True
    binding: Binding | None = None
    changes: Mapping[str, Any] | None = None
    previous_id: str = ""
    saves_event: bool = True
    saves_session: bool = True
    saves_profile: bool = True
    recorded: bool = False


def clamp_time(event_time: int | None, received_at: int, earliest: int = EARLIEST_MS) -> int:
    """Bring a client's time into [2020, a day ahead of the edge]; outside it means "unknown".

    ClickHouse refuses an insert that spans more than 100 partitions (error 252), so one
    tracker with a broken clock must not be able to scatter events over the centuries.
    """
    if event_time is None or not earliest <= event_time <= received_at + AHEAD_MS:
        return received_at
    return event_time


def spell(ms: int) -> str:
    """Write a time as a client may have it: ISO 8601, or Unix ms where no calendar reaches."""
    return iso(ms) if ms in _CALENDAR else str(ms)[:_LONGEST_NUMBER]


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)
def iso(ms: int) -> str:
    """Unix ms -> ISO 8601 in UTC with milliseconds, e.g. ``2026-11-20T17:48:16.499Z``."""
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"
