"""Rows of files understood."""

from dataclasses import replace

from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.events import Event
from schemas.wire.imports import unread
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
        Malformed: what the format's module says; ``format-unknown``; what was wrong with a
            record that could not be read.
    """
    if raw.endpoint == unread.ENDPOINT:
        raise unread.why(raw)
    plan = of_shared(raw.endpoint, raw.batch)
    event = format_of(plan.format).read(raw.body, plan).event
    if plan.record:
        said = {name.removeprefix("_"): value for name, value in plan.record.items()}
        event = replace(event, context={**event.context, "kafka": said})
    return replace(event, recorded=True)
