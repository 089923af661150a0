"""headrace's own management: event sources, their keys and their schemas, under ``/api``."""

from schemas.api import decode, reply, split
from schemas.wire.manage.edge import NAME, ROUTES, command, read
from schemas.wire.manage.openapi import DESCRIPTION
from schemas.wire.manage.replies import answer, refuse

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
