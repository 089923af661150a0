"""What the specification requires of an event, and what we find in it."""

import re
from typing import Any, Final

from schemas import times
from schemas.errors import Malformed
from schemas.reading import (
    MAX_ID,
    MAX_NAME,
    JsonObject,
    Where,
    as_object,
    as_text,
    id_text,
    required,
    spell,
)

VERSION: Final = "1.0"
DATA: Final = "data"
BINARY: Final = "data_base64"
IDS: Final = ("userid", "anonymousid", "sessionid", "groupid")
"""Extension attributes that say whose an event is."""
BASE64: Final = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_BLANK: Final = re.compile(r"\s")


def check(value: Any, where: Where) -> JsonObject:
    """Check what must be there, and what else the specification is strict about.

    Raises:
        Malformed: dict-type, missing, string-type, string-too-long or value-error.
    """
    event = as_object(value, where)
    if required(event, "specversion", where) != VERSION:
        raise _wrong((*where, "specversion"), f'must be "{VERSION}"')
    for name, longest in (("id", MAX_ID), ("source", MAX_ID), ("type", MAX_NAME)):
        at = (*where, name)
        if not as_text(required(event, name, where), at, longest):
            raise _wrong(at, "must not be empty")
    if _BLANK.search(event["source"]):
        raise _wrong((*where, "source"), "must be a URI reference, without blanks")
    time = event.get("time")
    if time is not None and times.from_iso(as_text(time, (*where, "time"))) is None:
        raise _wrong((*where, "time"), "must be a time as in RFC 3339")
    binary = event.get(BINARY)
    if binary is not None:
        _check_binary(event, binary, (*where, BINARY))
    return event


def message_id(event: JsonObject) -> str:
    """Name the event for good: ``id`` is the only one of its kind within ``source`` (3.1.1)."""
    return f"{event['source'].strip()} {event['id'].strip()}"


def visitor(event: JsonObject) -> str:
    """Choose what keeps events in order: who did it, else the partitioning extension's key."""
    for name in ("userid", "anonymousid", "sessionid", "partitionkey", "subject"):
        found = id_text(event.get(name))
        if found:
            return found
    return str(event["source"]).strip()


def _check_binary(event: JsonObject, binary: Any, where: Where) -> None:
    if type(binary) is not str:
        raise Malformed("string-type", f"{spell(where)} must be a string", where=where)
    if len(binary) % 4 or not _BASE64.fullmatch(binary):
        raise _wrong(where, "must be base64")
    if event.get(DATA) is not None:
        raise _wrong(where, f"must not stand beside {DATA}")


def _wrong(where: Where, what: str) -> Malformed:
    return Malformed("value-error", f"{spell(where)} {what}", where=where)
