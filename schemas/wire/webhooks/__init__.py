"""Webhooks: requests of other services, kept raw; scripts make events of them, see README.md."""

from schemas.wire.webhooks.calls import answer, command
from schemas.wire.webhooks.edge import ROUTES, decode, read, refuse, reply, split
from schemas.wire.webhooks.openapi import DESCRIPTION

NAME = "webhooks"

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
