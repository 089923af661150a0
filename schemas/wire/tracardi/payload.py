"""Tracardi's models: what the body of ``/track`` and each event in it must look like."""

from typing import Any, Final

from schemas import times
from schemas.errors import Malformed, Refused
from schemas.reading import (
    MAX_ID,
    MAX_NAME,
    JsonObject,
    Where,
    as_object,
    as_text,
    optional_object,
    optional_text,
    required,
)

MODEL: Final = "model-attributes-type"
"""pydantic's error type where a nested model was expected, as against a plain dictionary."""

_LONGEST_TIME: Final = 64
_TIMES: Final = ("insert", "create", "update")
_EVENT_FIELDS: Final[dict[str, tuple[type, str]]] = {
    "properties": (dict, "dict-type"),
    "context": (dict, "dict-type"),
    "options": (dict, "dict-type"),
    "time": (dict, MODEL),
    "tags": (list, "list-type"),
    "id": (str, "string-type"),
    "validation": (dict, MODEL),
    "reshaping": (dict, MODEL),
    "merging": (dict, MODEL),
    "error": (dict, MODEL),
}
"""Those that may be null or absent: their type, and the error when they have another."""
TRUE: Final = frozenset({"true", "1", "yes", "on", "t", "y"})
FALSE: Final = frozenset({"false", "0", "no", "off", "f", "n"})
"""What pydantic reads as a Boolean, in any case."""
FLAGS: Final = ("validation", "reshaping", "merging", "error")
"""What an earlier stage says of an event: ``{"error": bool, "message": text}`` each."""


def check(payload: JsonObject) -> None:
    """Raise Malformed for the first field of a payload that its model would refuse."""
    for name in ("session", "profile"):
        if payload.get(name) is not None:
            holder = as_object(payload[name], ("body", name), MODEL)
            as_text(required(holder, "id", ("body", name)), ("body", name, "id"))
            optional_text(holder.get("primary_id"), ("body", name, "primary_id"))
    for name in ("debug", "profile_less"):
        if not _is_switch(payload.get(name)):
            raise Malformed("bool-parsing", f"{name} is true or false", where=("body", name))
    for name in ("context", "properties", "request", "options"):
        optional_object(payload.get(name), ("body", name))
    events = payload.get("events", [])
    if type(events) is not list:
        raise Malformed("list-type", "events must be a JSON array", where=("body", "events"))
    for index, event in enumerate(events):
        check_event(event, ("body", "events", index))


def check_event(event: Any, where: Where) -> None:
    """Raise Malformed for the first field of an event that its model would refuse."""
    if type(event) is not dict:
        raise Malformed(MODEL, "an event must be a JSON object", where=where)
    name = event.get("type")
    if type(name) is not str or not name or name.isspace() or len(name) > MAX_NAME:
        event_name(required(event, "type", where), (*where, "type"))
    for field, value in event.items():
        if value is None or field not in _EVENT_FIELDS:
            continue
        wanted, code = _EVENT_FIELDS[field]
        if type(value) is not wanted:
            raise Malformed(code, f"{field} has the wrong type", where=(*where, field))
    if len(event.get("id") or "") > MAX_ID:
        as_text(event["id"], (*where, "id"))
    time = event.get("time")
    if time:
        _check_times(time, (*where, "time"))


def external(source_id: str) -> str:
    """Pass an event source's id on; Refused ``source-internal`` when it begins with ``@``."""
    if source_id.startswith("@"):
        raise Refused("source-internal", "Internal event sources are not allowed via API.")
    return source_id


def event_name(value: Any, where: Where) -> str:
    """Take an event's type, trimmed; Malformed when it is no text, blank or too long."""
    name = as_text(value, where, MAX_NAME)
    if not name:
        raise Malformed("value-error", "an event's type must not be blank", where=where)
    return name


def instant(value: Any) -> int | None:
    """Read a time as pydantic does: ISO 8601 or a Unix number, also as text. Unix ms or None."""
    if type(value) is str:
        if len(value) > _LONGEST_TIME:
            return None
        text = value.strip()
        return times.from_number(int(text)) if text.isdecimal() else times.from_iso(text)
    return times.from_number(value) if type(value) is int or type(value) is float else None


def named(payload: JsonObject, name: str) -> str:
    """The trimmed id of a checked payload's session or profile, "" when there is none."""
    holder = payload.get(name)
    return "" if holder is None else str(holder["id"]).strip()


def _is_switch(value: Any) -> bool:
    if value is None or type(value) is bool:
        return True
    if type(value) is str:
        return value.lower() in TRUE or value.lower() in FALSE
    return type(value) in {int, float} and value in {0, 1}


def _check_times(time: JsonObject, where: Where) -> None:
    for name in _TIMES:
        value = time.get(name)
        if value is not None and instant(value) is None:
            raise Malformed(
                "datetime-parsing",
                "a time is ISO 8601 text or Unix time in s or ms",
                where=(*where, name),
            )
