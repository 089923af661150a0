"""Rows of files understood."""

from dataclasses import replace

from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import Event
from schemas.wire.imports.formats import FORMATS, Format
from schemas.wire.imports.plan import of_shared


def format_of(name: str) -> Format:
    """Find a format by its name; Malformed ``format-unknown`` otherwise."""
    found = FORMATS.get(name)
    if found is None:
        raise Malformed("format-unknown", f"{name[:40]!r} is none of {', '.join(FORMATS)}")
    return found


def decode(raw: RawEvent) -> Event:
    """Understand one event.

    Raises:
        Malformed: what the format's module says; ``format-unknown``.
    """
    plan = of_shared(raw.endpoint, raw.batch)
    return replace(format_of(raw.endpoint).read(raw.body, plan).event, recorded=True)
