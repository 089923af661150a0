"""Files that are no vendor's export: columns are mapped, the rest are properties."""

from typing import Any, Final

from schemas.events import Event
from schemas.reading import JsonObject, id_text
from schemas.wire.imports.kinds import kind_of
from schemas.wire.imports.mapped import Mapped, as_row, cell, details, moment, name_of, unpacked
from schemas.wire.imports.plan import Plan

_OBJECTS: Final = ("properties", "context", "traits")
"""Columns that, where they hold an object, are what they are called."""


def read(body: Any, plan: Plan) -> Mapped:
    """Understand a row by its plan.

    Raises:
        Malformed: dict-type, missing, string-too-long or time-invalid.
    """
    row = as_row(body)
    cells = {name: cell(value, plan.types.get(name, "")) for name, value in row.items()}
    found = {target: cells.get(column) for target, column in plan.columns.items()}
    if plan.record:
        found |= {
            target: plan.of_record(column)
            for target, column in plan.columns.items()
            if column not in cells
        }
    kind = kind_of(found.get("kind"))
    objects = _objects(cells, frozenset(plan.columns.values()) | frozenset(plan.skip))
    used = {*plan.columns.values(), *plan.skip, *objects}
    traits = objects.get("traits", {})
    properties = objects.get("properties", {}) | {
        name: value for name, value in cells.items() if value is not None and name not in used
    }
    user_id, anonymous_id = id_text(found.get("user")), id_text(found.get("anonymous"))
    session_id = id_text(found.get("session"))
    name = found.get("event") or plan.collection or ("" if kind == "track" else kind)
    event = Event(
        kind,
        name_of(name, plan.columns.get("event", "event")),
        event_time=moment(found.get("time"), plan.columns.get("time", "time"), plan.began or None),
        user_id=user_id,
        anonymous_id=anonymous_id,
        group_id=id_text(found.get("group")),
        properties=properties,
        context=objects.get("context", {}),
        details=details(
            found.get("url"),
            title=found.get("title"),
            referrer=found.get("referrer"),
            ip=found.get("ip"),
            user_agent=found.get("user_agent"),
            locale=found.get("locale"),
        ),
        profiled=bool(user_id or anonymous_id or session_id),
        changes={"set": traits} if traits else None,
        previous_id=id_text(found.get("previous")) if kind == "alias" else "",
    )
    return Mapped(event, message_id=id_text(found.get("id")), session_id=session_id)


def _objects(cells: JsonObject, taken: frozenset[str]) -> dict[str, JsonObject]:
    found = {}
    for name in _OBJECTS:
        value = unpacked(cells.get(name))
        if type(value) is dict and name not in taken:
            found[name] = value
    return found
