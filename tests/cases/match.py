"""What was expected against what was seen, and the differences in words. Knows no room."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

ABSENT: Final = "<absent>"
_NOW_SECONDS: Final = 300.0
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_EMPTY: Final[tuple[Any, ...]] = ("", None, [], {})
_MISSING: Final = object()


def _is_uuid(seen: Any) -> bool:
    try:
        return isinstance(seen, str) and str(UUID(seen)) == seen
    except ValueError:
        return False


def _is_now(seen: Any) -> bool:
    if isinstance(seen, str) and _ISO.fullmatch(seen):
        seen = datetime.fromisoformat(seen).timestamp()
    elif type(seen) is int:
        seen /= 1000
    else:
        return False
    return abs(float(seen) - time.time()) < _NOW_SECONDS


_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "<any>": lambda seen: seen is not _MISSING,
    "<uuid>": _is_uuid,
    "<int>": lambda seen: type(seen) is int,
    "<iso>": lambda seen: isinstance(seen, str) and _ISO.fullmatch(seen) is not None,
    "<now>": _is_now,
    "<text>": lambda seen: isinstance(seen, str) and seen != "",
}


def differences(expected: Any, seen: Any, where: str = "") -> Iterator[str]:
    """Compare: an object expected is a subset, a list is whole, ``<kind>`` is any of a kind."""
    if expected == ABSENT:
        if seen is not _MISSING:
            yield f"{where}: expected none, found {seen!r:.300}"
    elif isinstance(expected, str) and expected in _KINDS:
        if not _KINDS[expected](seen):
            yield f"{where}: expected {expected}, found {_shown(seen)}"
    elif isinstance(expected, dict) and isinstance(seen, dict):
        for name, value in expected.items():
            yield from differences(value, seen.get(name, _MISSING), f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        for number, (value, found) in enumerate(zip(expected, seen, strict=True)):
            yield from differences(value, found, f"{where}[{number}]")
    elif not _same(expected, seen):
        yield f"{where}: expected {expected!r:.300}, found {_shown(seen)}"


def row_differences(expected: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
    """Compare one row; a column that is empty and one that is not there are the same."""
    found: list[str] = []
    for name, value in expected.items():
        here = seen.get(name, _MISSING)
        empty = any(_same(here, nothing) for nothing in (_MISSING, *_EMPTY))
        if value == ABSENT or any(_same(value, nothing) for nothing in _EMPTY):
            if not empty:
                found.append(f"{name}: expected nothing, found {here!r:.300}")
        else:
            found += differences(value, here, name)
    return found


def rows_differences(
    expected: Sequence[Mapping[str, Any]], seen: Sequence[Mapping[str, Any]], what: str
) -> list[str]:
    """Compare rows in any order: each expected one has one of its own, none is left over."""
    tables = [[row_differences(wanted, row) for row in seen] for wanted in expected]
    pairs = _pair([[not table[n] for n in range(len(seen))] for table in tables])
    found = [
        f"no {what} fits {wanted!r:.500}; nearest: {_nearest(table)}"
        for number, (wanted, table) in enumerate(zip(expected, tables, strict=True))
        if number not in pairs
    ]
    taken = set(pairs.values())
    found += [f"a {what} too many: {_brief(row)}" for n, row in enumerate(seen) if n not in taken]
    return found


def reply_differences(
    expected: Mapping[str, Any], status: int, headers: Mapping[str, str], body: bytes, value: Any
) -> list[str]:
    """Compare an answer; ``value`` is what its body says as JSON, None when it says nothing."""
    wanted = expected.get("status", 200)
    found = []
    if status != wanted:
        found.append(f"status: expected {wanted}, found {status}: {body[:500]!r}")
    if "json" in expected:
        found += differences(expected["json"], value, "json")
    if "text" in expected:
        found += differences(expected["text"], body.decode(errors="replace"), "text")
    for name, text in expected.get("headers", {}).items():
        here = headers.get(name.lower(), _MISSING)
        found += differences(ABSENT if text is None else text, here, f"header {name}")
    return found


def _pair(fits: list[list[bool]]) -> dict[int, int]:
    """Give each expected row a seen row of its own (Kuhn's augmenting paths)."""
    owner: dict[int, int] = {}

    def place(number: int, tried: set[int]) -> bool:
        for candidate, good in enumerate(fits[number]):
            if good and candidate not in tried:
                tried.add(candidate)
                if candidate not in owner or place(owner[candidate], tried):
                    owner[candidate] = number
                    return True
        return False

    for number in range(len(fits)):
        place(number, set())
    return {number: candidate for candidate, number in owner.items()}


def _same(expected: Any, seen: Any) -> bool:
    """Compare as JSON does: 1 is 1.0 and not true."""
    if isinstance(expected, bool) or isinstance(seen, bool):
        return expected is seen
    if isinstance(expected, dict | list) or isinstance(seen, dict | list):
        return type(expected) is type(seen) and expected == seen
    return bool(expected == seen)


def _nearest(table: list[list[str]]) -> str:
    by_count = sorted((len(found), found) for found in table)
    if not by_count:
        return "there is none"
    return "; ".join(by_count[0][1]) or "fits another as well"


def _brief(row: Mapping[str, Any]) -> str:
    return repr({name: value for name, value in row.items() if value not in _EMPTY})[:800]


def _shown(seen: Any) -> str:
    return "none" if seen is _MISSING else f"{seen!r:.300}"
