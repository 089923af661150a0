"""Records of a topic that could not be read: kept as they were, with the reason.

They travel as raw events that no decoder understands, so that they are counted, traced and dead
letters like any other, and `headrace dead replay` reads them again.
"""

import base64
import binascii
from typing import Final

from schemas import codec
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.reading import JsonObject, as_word, inside

ENDPOINT: Final = "unread"


def body_of(value: bytes) -> bytes:
    """Write a value as JSON bytes: as text where it is UTF-8, else as Base64."""
    try:
        return codec.dumps({"text": value.decode()})
    except UnicodeDecodeError:
        return codec.dumps({"base64": base64.b64encode(value).decode()})


def value_of(body: JsonObject) -> bytes | None:
    """Inverse of :func:`body_of`; None where the value was too long to be kept."""
    text = body.get("text")
    if type(text) is str:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(as_word(body.get("base64"))) if "base64" in body else None
    except (binascii.Error, ValueError):
        return None


def shared(error: Malformed, record: JsonObject) -> bytes:
    """Write the reason, and where the record came from."""
    return codec.dumps({"code": error.code, "message": error.message, "record": record})


def why(raw: RawEvent) -> Malformed:
    """Say why it could not be read."""
    said = inside({"": raw.batch}, "")
    code = as_word(said.get("code")) or "record-unread"
    return Malformed(code, as_word(said.get("message")) or "the record could not be read")
