"""Events of the protocol as records of a topic."""

from schemas.carriage import CARRIED, Carriage
from schemas.vendor import Request
from schemas.wire.eventbunker.names import HEADERS


def carried(record: Carriage) -> Request:
    """Take the body of a request: one event."""
    return record.request("post", record.value, {HEADERS["write"]: CARRIED})
