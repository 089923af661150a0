"""What rows would become: the schema that an import would make."""

from collections.abc import Iterable
from typing import Any, Final

from schemas import codec, types
from schemas.reading import JsonObject
from schemas.vendor import Draft
from schemas.wire.imports.meaning import format_of
from schemas.wire.imports.plan import Plan

_EXAMPLE: Final = 40
_COLLECTIONS: Final = 200
_PROPERTIES: Final = 1_000


def outcome(drafts: Iterable[Draft], plan: Plan) -> JsonObject:
    """Say which column is what, and which collections there would be with which properties."""
    read = format_of(plan.format).read
    found: dict[str, JsonObject] = {}
    known: dict[str, dict[str, JsonObject]] = {}
    for draft in drafts:
        event = read(codec.loads(draft.body), plan).event
        name = event.event_type
        if name not in found and len(found) < _COLLECTIONS:
            found[name] = {"name": name, "events": 0}
            known[name] = {}
        if name in found:
            found[name]["events"] += 1
            for column, value in event.properties.items():
                _note(known[name], column, value)
    collections = [
        {**each, "properties": list(known[name].values())} for name, each in found.items()
    ]
    return {"columns": dict(plan.columns), "collections": collections}


def _note(columns: dict[str, JsonObject], name: str, value: Any) -> None:
    kind = types.infer(value)
    if kind is not None and name not in columns and len(columns) < _PROPERTIES:
        example = codec.dumps(value).decode()[:_EXAMPLE]
        columns[name] = {"name": name, "type": kind, "example": example}
