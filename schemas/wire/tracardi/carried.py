"""Payloads of ``/track`` as records of a topic."""

from schemas import codec
from schemas.carriage import Carriage
from schemas.reading import parse_object
from schemas.vendor import Request


def carried(record: Carriage) -> Request:
    """Take a payload, whatever source it names: the topic's is the one.

    Raises:
        Malformed: missing, json-invalid or dict-type.
    """
    payload = parse_object(record.value)
    payload["source"] = {"id": record.source_id}
    return record.request("track", codec.dumps(payload))
