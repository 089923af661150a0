"""Bytes of a raw line -> the raw event and what its vendor understands of it."""

from collections.abc import Callable

from schemas import envelope, heartbeat, ids
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import Event
from schemas.topics import HEARTBEAT
from schemas.vendor import Vendor

Vendors = Callable[[str], Vendor | None]
"""Finds a vendor module by the name of its protocol."""


def decode(line: bytes, vendors: Vendors) -> tuple[RawEvent, Event]:
    """Open the envelope and let the vendor read what is in it.

    Raises:
        Malformed: from the envelope or the vendor; ``envelope-invalid`` when the event id is
            none, since readers of canonical lines count on its width; ``protocol-unknown``
            when no vendor module of this version has the name.
    """
    raw = envelope.read(line)
    if not ids.is_uuid(raw.event_id):
        raise Malformed("envelope-invalid", f"event_id {raw.event_id!r} is no UUID")
    if raw.source_id == HEARTBEAT:
        return raw, heartbeat.EVENT
    vendor = vendors(raw.protocol)
    if vendor is None:
        raise Malformed(
            "protocol-unknown",
            f"no vendor module is called {raw.protocol!r}; replay it with a version that has one",
        )
    return raw, vendor.decode(raw)
