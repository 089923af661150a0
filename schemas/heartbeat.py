"""The heartbeat: an event of headrace's own that goes the way of every other, all the time.

Its source is in no registry and its id is no slug (:func:`schemas.sources.check`), so nobody can
create it, send as it or list it; its rows have a table of their own.
"""

from typing import Final

from schemas.envelope import Head
from schemas.events import Event
from schemas.topics import HEARTBEAT

EVENT_TYPE: Final = "heartbeat"
MARK: Final = b'"source_id":"%b"' % HEARTBEAT.encode()
"""In every record that holds a heartbeat; a client's text may have it, too."""
EVENT: Final = Event("track", EVENT_TYPE, profiled=False)
"""What the processors understand of it: nobody's, in no session, with nothing in it."""


def line(event_id: str, edge: str, sent_at: int) -> bytes:
    """Write the raw event, as an edge writes those of clients.

    Args:
        edge: name of the ingest process.
        sent_at: edge clock, Unix ms.
    """
    head = Head(
        source_id=HEARTBEAT,
        protocol=EVENT_TYPE,
        endpoint="",
        received_at=sent_at,
        ip="",
        user_agent="",
        batch=b"null",
    )
    return head.line(
        event_id=event_id,
        visitor=edge,
        message_id=edge,
        profile_id="",
        session_id="",
        body=b"{}",
    )
