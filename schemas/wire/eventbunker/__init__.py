"""EventBunker: one flat event per ``POST /post``, a JSON query API, deletion and keys."""

from schemas.wire.eventbunker.calls import answer, command
from schemas.wire.eventbunker.carried import carried
from schemas.wire.eventbunker.edge import NAME, ROUTES, read, reply, split
from schemas.wire.eventbunker.event import decode
from schemas.wire.eventbunker.openapi import DESCRIPTION
from schemas.wire.eventbunker.refusals import refuse

__all__ = [
    "DESCRIPTION",
    "NAME",
    "ROUTES",
    "answer",
    "carried",
    "command",
    "decode",
    "read",
    "refuse",
    "reply",
    "split",
]
