"""The canonical line: an object whose keys are columns of ``headrace.events``."""

from typing import Any

from schemas import codec
from schemas.envelope import RawEvent
from schemas.events import AHEAD_MS, DETAILS, EARLIEST_MS, Event, iso


def line(
    raw: RawEvent,
    event: Event,
    event_time: int,
    session_id: str,
    profile_id: str,
    channel: str = "",
) -> bytes:
    """Write one event. It begins with ``event_id`` and ``event_time``, both of fixed width.

    ``channel`` is the source's, for an event that names none of its own.
    ``sent_at`` is left out when it cannot be true, for the same reason that
    :func:`schemas.events.clamp_time` does not believe every clock.

    Raises:
        Malformed: ``json-unserialisable``.
    """
    row: dict[str, Any] = {
        "event_id": raw.event_id,
        "event_time": iso(event_time),
        "received_at": iso(raw.received_at),
        "source_id": raw.source_id,
        "protocol": raw.protocol,
        "kind": event.kind,
        "event_type": event.event_type,
        "message_id": raw.message_id,
        "profile_id": profile_id,
        "session_id": session_id,
        "user_id": event.user_id,
        "anonymous_id": event.anonymous_id,
        "group_id": event.group_id,
        "properties": event.properties,
        "context": event.context,
        "valid": not event.errors,
    }
    sent_at = event.sent_at
    if sent_at is not None and EARLIEST_MS <= sent_at <= raw.received_at + AHEAD_MS:
        row["sent_at"] = iso(sent_at)
    if event.errors:
        row["errors"] = event.errors
    if event.tags:
        row["tags"] = event.tags
    row |= {name: text for name, text in event.details.items() if text and name in DETAILS}
    if channel and "channel" not in row:
        row["channel"] = channel
    return codec.dumps(row)
