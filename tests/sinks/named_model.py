"""What the named queries mean, in plain Python over plain rows, as slow as it likes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.events import iso
from schemas.named import Asked
from schemas.query import Query
from tests.sinks import asked as model
from tests.sinks.asked import Event

Rows = list[dict[str, Any]]
_DAY = 86_400_000


def answer(events: Sequence[Event], merges: Mapping[str, str], asked: Asked) -> Rows:
    """Answer a named query; events are one source's, each once."""
    values = asked.values
    period = Query(values["since"], values["until"], filters=values["where"])
    kept = [
        {**event, "profile_id": merges.get(event["profile_id"], event["profile_id"])}
        for event in events
        if model._meets(event, period)
    ]
    return _ANSWERS[asked.name](kept, values)


def _distinct(events: Sequence[Event], name: str) -> int:
    return len({event[name] for event in events} - {""})


def _start(ms: int, values: Mapping[str, Any]) -> str:
    return iso(values["since"] if values["step"] == "none" else model.step(ms, values["step"]))


def _groups(event: Event, values: Mapping[str, Any]) -> dict[str, str | None]:
    return {group.label: _shown(model.value(event, group.field)) for group in values["group"]}


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(model.whole(value))


def _events(events: Sequence[Event], values: Mapping[str, Any]) -> Rows:
    found: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        if not values["type"] or event["event_type"] in values["type"]:
            groups = _groups(event, values)
            found[_start(event["event_time"], values), tuple(groups.items())].append(event)
    return [
        {
            "time": time,
            "groups": dict(groups),
            "events": len(members),
            "profiles": _distinct(members, "profile_id"),
        }
        for (time, groups), members in found.items()
    ]


def _live(events: Sequence[Event], values: Mapping[str, Any]) -> Rows:
    found: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        found[tuple(_groups(event, values).items())].append(event)
    return [
        {
            "groups": dict(groups),
            "profiles": _distinct(members, "profile_id"),
            "sessions": _distinct(members, "session_id"),
            "events": len(members),
            "last": iso(max(event["event_time"] for event in members)),
        }
        for groups, members in found.items()
    ]


def _pages(events: Sequence[Event], values: Mapping[str, Any]) -> Rows:
    types = values["type"]
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        if event["event_type"] in types if types else event["kind"] == "page":
            found[event["page_host"], event["page_path"]].append(event)
    return [
        {
            "host": host,
            "path": path,
            "views": len(members),
            "profiles": _distinct(members, "profile_id"),
            "sessions": _distinct(members, "session_id"),
        }
        for (host, path), members in found.items()
    ]


def _sessions(events: Sequence[Event], values: Mapping[str, Any]) -> Rows:
    sessions: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["session_id"]:
            sessions[event["session_id"]].append(event)
    buckets: dict[str, list[list[Event]]] = defaultdict(list)
    for members in sessions.values():
        buckets[_start(min(event["event_time"] for event in members), values)].append(members)
    return [_bucket(time, found) for time, found in buckets.items()]


def _bucket(time: str, sessions: list[list[Event]]) -> dict[str, Any]:
    count = len(sessions)
    times = [[event["event_time"] for event in each] for each in sessions]
    pages = sum(event["kind"] in {"page", "screen"} for each in sessions for event in each)
    return {
        "time": time,
        "sessions": count,
        "profiles": len({each[0]["profile_id"] for each in sessions} - {""}),
        "events": sum(map(len, sessions)) / count,
        "pages": pages / count,
        "seconds": sum(max(each) - min(each) for each in times) / count / 1000,
        "bounces": sum(len(each) == 1 for each in sessions),
    }


def _by_profile(events: Sequence[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda each: each["event_time"]):
        if event["profile_id"]:
            found[event["profile_id"]].append(event)
    return found


def _funnel(events: Sequence[Event], values: Mapping[str, Any]) -> Rows:
    steps, window = values["steps"], values["window"]
    levels = [_level(each, steps, window) for each in _by_profile(events).values()]
    reached = [sum(level > number for level in levels) for number in range(len(steps))]
    return [
        {
            "step": number + 1,
            "event_type": step,
            "profiles": reached[number],
            "of_first": reached[number] / (reached[0] or 1),
            "of_previous": reached[number] / (reached[max(number - 1, 0)] or 1),
        }
        for number, step in enumerate(steps)
    ]


def _level(events: Sequence[Event], steps: Sequence[str], window: int) -> int:
    """Longest way from any first step, always by the earliest next one."""
    best = 0
    for first in (event["event_time"] for event in events if event["event_type"] == steps[0]):
        level, at = 1, first
        for step in steps[1:]:
            later = [
                event["event_time"]
                for event in events
                if event["event_type"] == step and at <= event["event_time"] <= first + window
            ]
            if not later:
                break
            level, at = level + 1, min(later)
        best = max(best, level)
    return best


def _number(ms: int, step: str) -> int:
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    if step == "month":
        return moment.year * 12 + moment.month - 1
    day = (moment - datetime(1970, 1, 1, tzinfo=UTC)).days
    return day if step == "day" else (day + 3) // 7


def _beginning(number: int, step: str) -> str:
    if step == "month":
        moment = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
    else:
        days = number if step == "day" else number * 7 - 3
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)
    return iso(int(moment.timestamp()) * 1000)


def _retention(events: Sequence[Event], values: Mapping[str, Any]) -> Rows:
    step, starts, returning = values["step"], values["start"], values["returning"]
    sizes: Counter[int] = Counter()
    back: Counter[tuple[int, int]] = Counter()
    for members in _by_profile(events).values():
        begun = [each for each in members if not starts or each["event_type"] in starts]
        if begun:
            first = _number(begun[0]["event_time"], step)
            sizes[first] += 1
            seen = {
                _number(each["event_time"], step)
                for each in members
                if not returning or each["event_type"] in returning
            }
            back.update((first, number - first) for number in seen)
    last = _number(values["until"] - 1, step)
    return [
        {
            "cohort": _beginning(first, step),
            "size": size,
            "period": period,
            "profiles": back[first, period],
            "share": back[first, period] / size,
        }
        for first, size in sizes.items()
        for period in range(min(values["periods"], last - first) + 1)
    ]


_ANSWERS: dict[str, Callable[[Sequence[Event], Mapping[str, Any]], Rows]] = {
    "events": _events,
    "funnel": _funnel,
    "live": _live,
    "pages": _pages,
    "retention": _retention,
    "sessions": _sessions,
}
