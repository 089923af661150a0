"""Batches and single events of the protocol as records of a topic."""

from schemas import codec
from schemas.carriage import CARRIED, Carriage
from schemas.reading import parse
from schemas.vendor import Request


def carried(record: Carriage) -> Request:
    """Take the body of a request, an array of events or a single one.

    Raises:
        Malformed: missing, json-invalid.
    """
    body = parse(record.value)
    if type(body) is list or (type(body) is dict and "events" not in body):
        body = {"events": body if type(body) is list else [body]}
    headers = {"authorization": f"Bearer {CARRIED}"}
    return record.request("events", codec.dumps(body), headers)
