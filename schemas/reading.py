"""Typed reading of JSON that strangers sent: each value is what it must be, or Malformed.

Every code here is at once a reason for people and, with underscores, pydantic's error type.
"""

from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed

Where = tuple[str | int, ...]
JsonObject = dict[str, Any]

MAX_DEPTH: Final = 100
"""Containers inside each other in one event: no later step, recursive or not, has to fear the
stack, and the fastest of JSON's writers (orjson) stops at 254."""
MAX_KEYS: Final = 10_000
"""Keys of one object, so that no name costs more than its bytes."""
COLUMN_DEPTH: Final = 32
"""Containers inside each other in a value of a column of type JSON; deeper ones stay text."""
COLUMN_KEYS: Final = 2_000
"""Keys of one object there, since each may become a sub-column, and properties of a collection:
Tracardi's own limit of fields."""
MAX_NAME: Final = 256
"""Characters of an event's name."""
MAX_ID: Final = 1_024
"""Characters of an id: room for a URL or a signed token, not for a page."""

_SHORTEST_KEY: Final = 6
"""Bytes of ``"ab":0,``: fewer for each cannot hold thousands of different keys."""


def parse_object(body: bytes, code: str = "dict-type") -> JsonObject:
    """Parse a body that must be one JSON object.

    Raises:
        Malformed: ``missing`` when empty, ``json-invalid``, or ``code`` when it is something else.
    """
    return as_object(parse(body), ("body",), code)


def parse(body: bytes) -> Any:
    """Parse a body that must be JSON.

    Raises:
        Malformed: ``missing`` when empty, ``json-invalid`` with the byte position.
    """
    if not body.strip():
        raise Malformed("missing", "the body is empty: send JSON", where=("body",))
    return codec.loads(body)


def as_object(value: Any, where: Where, code: str = "dict-type") -> JsonObject:
    """Take a JSON object; Malformed with ``code`` otherwise."""
    if type(value) is not dict:
        raise Malformed(code, f"{spell(where)} must be a JSON object", where=where)
    return value


def optional_object(value: Any, where: Where) -> JsonObject:
    """Take a JSON object, null being an empty one; Malformed ``dict-type`` otherwise."""
    return {} if value is None else as_object(value, where)


def as_text(value: Any, where: Where, longest: int = MAX_ID) -> str:
    """Take a text of at most ``longest`` characters, trimmed.

    Raises:
        Malformed: ``string-type`` or ``string-too-long``.
    """
    if type(value) is not str:
        raise Malformed("string-type", f"{spell(where)} must be a string", where=where)
    if len(value) > longest:
        raise Malformed(
            "string-too-long", f"{spell(where)} is longer than {longest} characters", where=where
        )
    return value.strip()


def optional_text(value: Any, where: Where, longest: int = MAX_ID) -> str:
    """Like :func:`as_text`, null being ""."""
    return "" if value is None else as_text(value, where, longest)


def required(holder: JsonObject, name: str, where: Where) -> Any:
    """Take a field that must be there; Malformed ``missing`` otherwise."""
    if name not in holder:
        where = (*where, name)
        raise Malformed("missing", f"{spell(where)} is missing", where=where)
    return holder[name]


def id_text(value: Any) -> str:
    """Read an id that clients send as text or number; "" for all else, and for what is too long."""
    if type(value) is str:
        return value.strip() if len(value) <= MAX_ID else ""
    if type(value) is float and value.is_integer():
        return str(int(value))
    return str(value) if type(value) is int or type(value) is float else ""


def as_whole(value: Any) -> Any:
    """Write ``60.0`` as 60: JSON has one kind of number, and languages print it as they like."""
    return int(value) if type(value) is float and value.is_integer() else value


def as_word(value: Any) -> str:
    """Keep a text; "" for all else."""
    return value if type(value) is str else ""


def inside(value: Any, name: str) -> JsonObject:
    """Find an object that may or may not be in another; {} when it is not."""
    found = value.get(name) if type(value) is dict else None
    return found if type(found) is dict else {}


def screen_size(display: JsonObject) -> str:
    """Write a screen's ``width`` and ``height`` as ``800x600``; "" unless both are integers."""
    width, height = display.get("width"), display.get("height")
    return f"{width}x{height}" if type(width) is int and type(height) is int else ""


def texts(**candidates: Any) -> dict[str, str]:
    """Keep the candidates that are texts and not empty: what an event's details are."""
    return {name: value for name, value in candidates.items() if value and type(value) is str}


def bound(value: Any) -> None:
    """Refuse what is nested deeper than :data:`MAX_DEPTH` or has more than :data:`MAX_KEYS`.

    Raises:
        Malformed: ``json-too-deep`` or ``too-many-keys``.
    """
    code = beyond(value, MAX_DEPTH, MAX_KEYS)
    if code == "too-many-keys":
        raise Malformed(code, f"give an object at most {MAX_KEYS} keys", where=("body",))
    if code:
        raise Malformed(code, f"nest JSON at most {MAX_DEPTH} deep", where=("body",))


def beyond(value: Any, depth: int, keys: int) -> str:
    """Tell whether a value is ``json-too-deep`` or an object in it has ``too-many-keys``; else "".

    Level by level, so that depth costs memory in proportion to the value, never the stack.
    """
    level: list[Any] = [value]
    for _ in range(depth + 1):
        level = [holder for holder in level if type(holder) is dict or type(holder) is list]
        if not level:
            return ""
        if any(type(holder) is dict and len(holder) > keys for holder in level):
            return "too-many-keys"
        level = [
            item
            for holder in level
            for item in (holder.values() if type(holder) is dict else holder)
        ]
    return "json-too-deep"


def bound_line(line: bytes, *values: Any) -> None:
    """:func:`bound` for values whose JSON is at hand: most lines pass by counting brackets."""
    if may_be_beyond(line, MAX_DEPTH, MAX_KEYS):
        for value in values:
            bound(value)


def may_be_beyond(line: bytes, depth: int, keys: int) -> bool:
    """Tell by its bytes alone whether :func:`beyond` has to look at what a line says."""
    return len(line) > keys * _SHORTEST_KEY or line.count(b"{") + line.count(b"[") > depth


def spell(where: Where) -> str:
    """Write a path the way people read it, e.g. ``events[3].type``."""
    text = "".join(f"[{step}]" if type(step) is int else f".{step}" for step in where[1:])
    return text.removeprefix(".") or "the body"
