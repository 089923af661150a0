"""ClickHouse's names for the types of JSON paths -> the names that schemas use. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

_SCALARS: Final[Mapping[str, str]] = {
    "String": "string",
    "Int64": "double",
    "UInt64": "double",
    "Float64": "double",
    "Bool": "boolean",
}


def top_level(paths: Mapping[str, Iterable[str]], most: int) -> dict[str, set[str]]:
    """Gather the types seen under each top-level name; of an object its values', as ``map<..>``."""
    found: dict[str, set[str]] = {}
    for path in sorted(paths):
        name, dot, _ = path.partition(".")
        if name in found or len(found) < most:
            kinds = {_type(each) for each in paths[path]}
            found.setdefault(name, set()).update(
                {f"map<{kind}>" for kind in kinds} if dot else kinds
            )
    return found


def named(types: Mapping[str, set[str]]) -> dict[str, str]:
    """Give each name one type: its own, or what holds all of its types."""
    return {name: _widest(kinds) for name, kinds in types.items()}


def _type(name: str) -> str:
    if not name.startswith("Array("):
        return _SCALARS.get(name, "string")
    inner = name.removeprefix("Array(").removesuffix(")")
    inner = inner.removeprefix("Nullable(").removesuffix(")")
    return f"array<{_SCALARS.get(inner, 'string')}>"


def _widest(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    for shape in ("array", "map"):
        if all(kind.startswith(f"{shape}<") for kind in kinds):
            return f"{shape}<string>"
    return "string"
