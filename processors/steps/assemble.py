"""The canonical line: an object whose keys are columns of ``headrace.events``."""

from collections.abc import Mapping
from typing import Any

from schemas import codec
from schemas.envelope import RawEvent
from schemas.events import Event, iso, spell
from schemas.times import storable


def line(
    raw: RawEvent,
    event: Event,
    event_time: int,
    session_id: str,
    profile_id: str,
    channel: str = "",
    columns: Mapping[str, Any] | None = None,
) -> bytes:
    """Write one event. It begins with ``event_id`` and ``event_time``, both of fixed width.

    ``channel`` is the source's, for an event that names none of its own; ``columns`` come from
    :func:`processors.steps.enrich.enrich`. The times of a client whose clock is wrong stay in the
    row, since they tell how wrong: what a column can hold of ``sent_at``, and the original of
    what :func:`schemas.events.clamp_time` did not believe.

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
    if event.sent_at is not None and storable(event.sent_at) is not None:
        row["sent_at"] = iso(event.sent_at)
    if event.event_time is not None and event.event_time != event_time:
        row["original_time"] = spell(event.event_time)
    if event.errors:
        row["errors"] = event.errors
    if event.tags:
        row["tags"] = event.tags
    if columns:
        row |= columns
    if channel and "channel" not in row:
        row["channel"] = channel
    return codec.dumps(row)
