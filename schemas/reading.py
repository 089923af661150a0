"""Typed reading of JSON that strangers sent: each value is what it must be, or Malformed.

Every code here is at once a reason for people and, with underscores, pydantic's error type.
"""

from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed

Where = tuple[str | int, ...]
JsonObject = dict[str, Any]

MAX_DEPTH: Final = 32
"""Containers inside each other in one event: columns of type JSON are far from needing more,
and no later step, recursive or not, has to fear the stack."""
MAX_KEYS: Final = 2_000
"""Keys of one object: Tracardi's own limit of fields; each key may become a sub-column."""
MAX_NAME: Final = 256
"""Characters of an event's name."""
MAX_ID: Final = 1_024
"""Characters of an id: room for a URL or a signed token, not for a page."""

_SHORTEST_WIDE: Final = MAX_KEYS * 6
"""Fewer bytes cannot hold that many different keys: ``"ab":0,`` for nearly all of them."""


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

    Level by level, so that depth costs memory in proportion to the value, never the stack.

    Raises:
        Malformed: ``json-too-deep`` or ``too-many-keys``.
    """
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [holder for holder in level if type(holder) is dict or type(holder) is list]
        if not level:
            return
        for holder in level:
            if type(holder) is dict and len(holder) > MAX_KEYS:
                raise Malformed(
                    "too-many-keys", f"give an object at most {MAX_KEYS} keys", where=("body",)
                )
        level = [
            item
            for holder in level
            for item in (holder.values() if type(holder) is dict else holder)
        ]
    raise Malformed("json-too-deep", f"nest JSON at most {MAX_DEPTH} deep", where=("body",))


def bound_line(line: bytes, *values: Any) -> None:
    """:func:`bound` for values whose JSON is at hand: most lines pass by counting brackets."""
    if len(line) > _SHORTEST_WIDE or line.count(b"{") + line.count(b"[") > MAX_DEPTH:
        for value in values:
            bound(value)


def spell(where: Where) -> str:
    """Write a path the way people read it, e.g. ``events[3].type``."""
    text = "".join(f"[{step}]" if type(step) is int else f".{step}" for step in where[1:])
    return text.removeprefix(".") or "the body"
