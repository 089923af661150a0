"""The raw event: what the edge wrote, one JSON line, before anybody understood it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas import codec
from schemas.errors import Malformed


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as sent, plus what only the edge knows.

    Attributes:
        event_id: canonical UUID text, fixed before the first write.
        source_id: the event source whose key or id let it in.
        protocol: the vendor module that understands ``body``.
        endpoint: that vendor's name for the path it came in on.
        received_at: edge clock, Unix ms.
        ip: address of the client, as the edge trusts it.
        user_agent: the request's User-Agent header.
        visitor: the text that chose the partition.
        message_id: the client's own id for the event, "" when it gave none.
        profile_id: decided at the edge, or "" when the processors decide.
        session_id: as the client gave it or the edge drew it, or "".
        batch: what the events of one request share (any JSON value, None when nothing).
        body: the event itself, any JSON value.
    """

    event_id: str
    source_id: str
    protocol: str
    endpoint: str
    received_at: int
    ip: str
    user_agent: str
    visitor: str
    message_id: str
    profile_id: str
    session_id: str
    batch: Any
    body: Any


def write(raw: RawEvent) -> bytes:
    """One line of a packed record. ``batch`` and ``body`` may be :func:`codec.embed` values."""
    return codec.dumps(raw)


def read(line: bytes) -> RawEvent:
    """Inverse of :func:`write`.

    Raises:
        Malformed: ``json-invalid``, or ``envelope-invalid`` when a field is missing, unknown
            or of the wrong type; such a line was not written by an edge of this version.
    """
    value = codec.loads(line)
    if not isinstance(value, Mapping):
        raise Malformed("envelope-invalid", "a raw event is a JSON object")
    try:
        raw = RawEvent(**value)
    except TypeError as error:
        raise Malformed("envelope-invalid", str(error)) from error
    if not isinstance(raw.received_at, int) or not isinstance(raw.event_id, str):
        raise Malformed("envelope-invalid", "received_at is Unix ms and event_id a UUID")
    return raw
