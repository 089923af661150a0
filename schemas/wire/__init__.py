"""One module per vendor: routes, read, split, reply, refuse for the edge; decode for processors."""

from schemas.carriage import Carried
from schemas.hooked import PROTOCOL
from schemas.vendor import Vendor
from schemas.wire import (
    cloudevents,
    eventbunker,
    filum,
    imports,
    links,
    manage,
    own,
    queries,
    rakam,
    tasks,
    tracardi,
    webhooks,
)

VENDORS: tuple[Vendor, ...] = (
    tracardi,
    rakam,
    filum,
    eventbunker,
    own,
    cloudevents,
    links,
    imports,
    manage,
    queries,
    tasks,
    webhooks,
)

KAFKA = "kafka"
"""Protocol of rows that came as records of a topic; they are understood as those of files."""

_BY_NAME: dict[str, Vendor] = {vendor.NAME: vendor for vendor in VENDORS} | {
    KAFKA: imports,
    PROTOCOL: own,
}


def vendor(name: str) -> Vendor | None:
    """Find the module of a protocol by the name that raw events carry."""
    return _BY_NAME.get(name)


_CARRIED: dict[str, Carried] = {
    vendor.NAME: vendor for vendor in (own, cloudevents, tracardi, rakam, filum, eventbunker)
}


def carrier(name: str) -> Carried | None:
    """Find the module of a protocol whose requests may come as records of a topic."""
    return _CARRIED.get(name)
