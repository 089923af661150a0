"""Bodies of cases with one thing in them replaced by what nobody expects. Knows no room."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from tests.cases.ways import Http

Path = tuple[str | int, ...]

NASTY: Final[tuple[Callable[[str], Any], ...]] = (
    lambda _: None,
    lambda _: True,
    lambda _: -0.0,
    lambda _: 1e308,
    lambda _: 5e-324,
    lambda _: 2**53 + 1,
    lambda _: 2**63,
    lambda _: 2**64,
    lambda _: -(2**63) - 1,
    lambda _: 10**400,
    lambda _: 4_102_444_800_001,
    lambda uniq: f"\x00{uniq}",
    lambda uniq: f"\ud800{uniq}",
    lambda uniq: f"\U0001f9ff\u2028\u202e{uniq}",
    lambda uniq: f"{uniq}{'x' * 70_000}",
    lambda uniq: f"' OR 1=1 -- {uniq}",
    lambda _: "9999-12-31T23:59:60Z",
    lambda _: "0000-00-00",
    lambda _: [],
    lambda _: {},
    lambda _: [1, "a", None, {}, [2.5, True]],
    lambda _: [[[[[]]]]],
    lambda _: {"": 1, "a.b": 2, "a": {"b": 3}},
    lambda uniq: {"a": 1, "A": "two", uniq: [{"x": None}, {"x": {"y": []}}]},
    lambda _: {"null": None, "__proto__": {}, "$ref": "#", "`;DROP": 1},
    lambda _: _deep(60),
    lambda _: {str(number): number for number in range(600)},
)


def torn(http: Http, uniq: str, chance: random.Random) -> Http | None:
    """One value somewhere in the body replaced, or bytes; None where the body is no JSON."""
    try:
        value = json.loads(http.body)
    except ValueError:
        return None
    paths = list(_paths(value))
    path = chance.choice(paths)
    body = json.dumps(_with(value, path, chance.choice(NASTY)(uniq))).encode()
    if chance.random() < 1 / 8:
        at = chance.randrange(len(body))
        body = body[:at] + bytes([chance.randrange(256)]) + body[at + chance.randrange(3) :]
    return replace(http, body=body)


def _paths(value: Any, at: Path = ()) -> Iterator[Path]:
    yield at
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _paths(item, (*at, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _paths(item, (*at, number))


def _with(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    name, rest = path[0], path[1:]
    if isinstance(value, list):
        return [_with(item, rest, new) if at == name else item for at, item in enumerate(value)]
    return {each: _with(item, rest, new) if each == name else item for each, item in value.items()}


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"d": value}
    return value
