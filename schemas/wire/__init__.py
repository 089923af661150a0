"""One module per vendor: routes, read, split, reply, refuse for the edge; decode for processors."""

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
    tracardi,
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
)

_BY_NAME: dict[str, Vendor] = {vendor.NAME: vendor for vendor in VENDORS}


def vendor(name: str) -> Vendor | None:
    """Find the module of a protocol by the name that raw events carry."""
    return _BY_NAME.get(name)
