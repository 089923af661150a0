"""headrace's own query API: named queries over one source's rows, under ``/api/query``."""

from schemas.api import decode, refuse, reply, split
from schemas.wire.queries.edge import NAME, ROUTES, answer, command, read
from schemas.wire.queries.openapi import DESCRIPTION

__all__ = [
    "DESCRIPTION",
    "NAME",
    "ROUTES",
    "answer",
    "command",
    "decode",
    "read",
    "refuse",
    "reply",
    "split",
]
