"""Values that no column of type JSON takes: too deep, or with too many keys."""

from collections.abc import Mapping
from typing import Any

from processors.steps.coerce import Note
from schemas import codec
from schemas.reading import COLUMN_DEPTH, COLUMN_KEYS, beyond, may_be_beyond


def may_be_unwieldy(line: bytes) -> bool:
    """Tell by a line's bytes whether :func:`unwieldy` has to look at what it says; few need it."""
    return may_be_beyond(line, COLUMN_DEPTH, COLUMN_KEYS)


def unwieldy(values: Mapping[str, Any]) -> Mapping[str, str]:
    """Find the values that no column takes: name -> ``json-too-deep`` or ``too-many-keys``."""
    codes = {name: beyond(value, COLUMN_DEPTH - 1, COLUMN_KEYS) for name, value in values.items()}
    return {name: code for name, code in codes.items() if code}


def as_text(
    field: str, values: Mapping[str, Any], found: Mapping[str, str]
) -> tuple[dict[str, Any], list[Note]]:
    """Keep values as the text of their JSON, each with a note.

    Args:
        field: the column that they are in.
        found: from :func:`unwieldy`.
    """
    kept = {
        name: codec.dumps(value).decode() if name in found else value
        for name, value in values.items()
    }
    notes = [
        {"field": f"{field}.{name}", "wanted": "json", "value": kept[name], "reason": code}
        for name, code in found.items()
    ]
    return kept, notes
