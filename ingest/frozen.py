"""Requests to a source whose schema is frozen; pure."""

from collections.abc import Iterable

from schemas import envelope
from schemas.catalog import Catalog
from schemas.errors import Malformed
from schemas.vendor import Vendor


def check(lines: Iterable[bytes], vendor: Vendor, catalog: Catalog) -> None:
    """Refuse a request of which no event can ever fit the schema.

    When only some break it they go on with the others: the processors make the same check and
    keep them as dead letters, while a refusal would lose the good ones or have them repeated.

    Raises:
        Malformed: ``schema-frozen``.
    """
    first: Malformed | None = None
    for line in lines:
        try:
            raw = envelope.read(line)
            event = vendor.decode(raw)
        except Malformed:
            return  # a dead letter for another reason
        try:
            catalog.admit(raw.source_id, event)
        except Malformed as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def additions(
    lines: Iterable[bytes], vendor: Vendor, catalog: Catalog
) -> dict[str, dict[str, str]]:
    """Tell what a master key's events add: collection -> property -> type."""
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        try:
            raw = envelope.read(line)
            event = vendor.decode(raw)
        except Malformed:
            continue  # a dead letter, which adds nothing
        new = catalog.lacks(raw.source_id, event)
        if new is not None:
            found[event.event_type] = new | found.get(event.event_type, {})
    return found
