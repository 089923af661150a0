"""Events of the protocol as records of a topic."""

from schemas.carriage import CARRIED, Carriage
from schemas.vendor import Request


def carried(record: Carriage) -> Request:
    """Take the body of a request: one event, or an array."""
    headers = {"authorization": f"Bearer {CARRIED}"}
    return record.request("events", record.value, headers)
