"""CloudEvents as records of a topic, in the modes of the Kafka binding (1.0.2, section 3)."""

from typing import Final
from urllib.parse import quote

from schemas.carriage import CARRIED, Carriage
from schemas.vendor import Request

_OF_KAFKA: Final = "ce_"
_OF_HTTP: Final = "ce-"
_LABEL: Final = "content-type"


def carried(record: Carriage) -> Request:
    """Write headers ``ce_id`` and the like as those of HTTP; without any the value is the event."""
    headers = {
        _OF_HTTP + name.removeprefix(_OF_KAFKA): quote(value)
        for name, value in record.headers.items()
        if name.startswith(_OF_KAFKA)
    }
    if _LABEL in record.headers:
        headers[_LABEL] = record.headers[_LABEL]
    headers["authorization"] = f"Bearer {CARRIED}"
    return record.request("events", record.value, headers)
