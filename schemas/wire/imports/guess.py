"""What the columns of a file are, by their names and first values."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.wire.imports.plan import ROWS, TARGETS, Plan

_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("time", "timestamp", "ts", "eventtime", "createdat", "datetime", "occurredat"),
    "user": ("userid", "user", "uid", "customerid"),
    "anonymous": ("anonymousid", "deviceid", "visitorid", "anonid", "clientid"),
    "session": ("sessionid", "session"),
    "group": ("groupid",),
    "event": ("event", "eventname", "eventtype", "collection"),
    "kind": ("kind",),
    "id": ("eventid", "messageid", "insertid", "uuid"),
    "ip": ("ip", "ipaddress"),
    "user_agent": ("useragent",),
    "url": ("url", "pageurl"),
    "title": ("pagetitle",),
    "referrer": ("referrer", "referer"),
    "locale": ("locale",),
}
"""Target -> how its column may be called, the likeliest first, without case and signs."""
_SIGNS: Final = re.compile(r"[\W_]+")
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d{0,15})(\.\d{1,17})?([eE][+-]?\d{1,3})?")
"""As JSON spells them, so that ``007`` and telephone numbers stay text."""
_BOOLEANS: Final = (frozenset({"true", "false"}), frozenset({"t", "f"}), frozenset({"yes", "no"}))


def plan_of(
    rows: Sequence[Mapping[str, Any]],
    *,
    collection: str,
    columns: Mapping[str, str],
    types: Mapping[str, str],
    skip: Iterable[str],
    began: int,
    of_text: bool,
) -> Plan:
    """Fill what was not said by looking at rows.

    Args:
        rows: some of a file.
        columns: what was said of them; an empty name says that there is none.
        of_text: every cell is text, as in CSV.

    Raises:
        Malformed: ``column-unknown`` for a column that no row has.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    skipped = tuple(skip)
    for wanted in (*filter(None, columns.values()), *types, *skipped):
        if names and wanted not in names:
            known = ", ".join(names[:50])
            raise Malformed("column-unknown", f"there is no column {wanted!r}; there are: {known}")
    mapped = columns_of(names, columns, skipped, collection)
    read_as = types_of(rows) if of_text else {}
    ids = {mapped.get(each) for each in TARGETS}
    kept = {name: kind for name, kind in read_as.items() if name not in ids} | dict(types)
    return Plan(ROWS, collection, mapped, kept, skipped, began)


def columns_of(
    names: Sequence[str], said: Mapping[str, str], skipped: tuple[str, ...], collection: str
) -> dict[str, str]:
    """Tell which column is which target: as was said, else by its name."""
    plain = {_SIGNS.sub("", name).lower(): name for name in reversed(names)}
    taken = {*said.values(), *skipped}
    found = {target: name for target, name in said.items() if name}
    for target, spellings in _SPELLINGS.items():
        if target in said or (target == "event" and collection):
            continue
        for spelling in spellings:
            name = plain.get(spelling, "")
            if name and name not in taken:
                found[target] = name
                taken.add(name)
                break
    return found


def types_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Tell what the cells of each column are, where they are more than text."""
    found = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        cells = [cell for row in rows if type(cell := row.get(name)) is str and cell.strip()]
        kind = cell_type(cells)
        if kind != "text":
            found[name] = kind
    return found


def cell_type(cells: Sequence[str]) -> str:
    """Tell what all of these texts are, out of ``CELLS`` of the plan; ``text`` for none."""
    if not cells:
        return "text"
    plain = [cell.strip() for cell in cells]
    if all(_NUMBER.fullmatch(cell) for cell in plain):
        return "number"
    lower = {cell.lower() for cell in plain}
    if any(lower <= pair for pair in _BOOLEANS):
        return "boolean"
    return "json" if all(_is_json(cell) for cell in plain) else "text"


def _is_json(cell: str) -> bool:
    if cell[:1] not in {"{", "["}:
        return False
    try:
        codec.loads(cell)
    except Malformed:
        return False
    return True
