"""HTML forms -> JSON objects: urlencoded and multipart bodies."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from schemas.errors import Malformed
from schemas.reading import MAX_KEYS

_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_NAME: Final = re.compile(
    rb'[;\s]name=(?:"((?:[^"\\]|\\.)*)"|"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE
)
"""In quotes, escaped as RFC 7578 has it; else with backslashes that stand for themselves, as
browsers write them; else without quotes."""
_URLENCODED: Final = re.compile(rb"[\w.~%+*$\[\]-]+=[!-~]*\s*", re.ASCII)


def is_urlencoded(content_type: str) -> bool:
    """Tell whether a body is labelled as an urlencoded form."""
    return content_type.lower().startswith("application/x-www-form-urlencoded")


def looks_urlencoded(body: bytes) -> bool:
    """Tell whether a body that nobody labelled reads like ``name=value&...``."""
    return _URLENCODED.fullmatch(body) is not None


def urlencoded(body: bytes) -> dict[str, Any]:
    """Read ``application/x-www-form-urlencoded`` (WHATWG URL, section 5.1).

    A field that comes several times becomes a list; bytes that are no UTF-8 become U+FFFD.

    Raises:
        Malformed: ``too-many-keys``.
    """
    text = body.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_KEYS)
    except ValueError as error:
        raise Malformed(
            "too-many-keys", f"send at most {MAX_KEYS} fields", where=("body",)
        ) from error
    return _gather(pairs)


def boundary_of(content_type: str) -> bytes:
    """Find the boundary of a ``multipart/form-data`` label; b"" when it is none."""
    if not content_type.lower().startswith("multipart/form-data"):
        return b""
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("utf-8", "replace") if found else b""


def multipart(body: bytes, boundary: bytes) -> dict[str, Any]:
    """Read ``multipart/form-data`` (RFC 7578); a file's field holds its content as text.

    Raises:
        Malformed: ``form-invalid`` when a part has no name or the last boundary is missing,
            ``too-many-keys``.
    """
    mark = b"\r\n--" + boundary
    first, *parts = (b"\r\n" + body).split(mark, MAX_KEYS + 2)
    if len(parts) > MAX_KEYS + 1:
        raise Malformed("too-many-keys", f"send at most {MAX_KEYS} parts", where=("body",))
    if first.strip() or not parts or not parts[-1].startswith(b"--"):
        raise Malformed(
            "form-invalid", "the multipart body does not end with its boundary", where=("body",)
        )
    return _gather([_part(part) for part in parts[:-1]])


def _part(part: bytes) -> tuple[str, str]:
    head, _, content = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if name is None:
        raise Malformed("form-invalid", "a part of the form has no name", where=("body",))
    spelled: bytes = name[name.lastindex or 0]
    return spelled.decode("utf-8", "replace"), content.decode("utf-8", "replace")


def _gather(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields
