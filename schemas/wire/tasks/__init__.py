"""Scheduled tasks: kept under ``/api/tasks``; the events that their scripts emit."""

from schemas.api import refuse, reply, split
from schemas.wire.tasks.edge import ROUTES, command, read
from schemas.wire.tasks.meaning import decode
from schemas.wire.tasks.openapi import DESCRIPTION
from schemas.wire.tasks.replies import answer

NAME = "task"

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
