"""Rakam: events, user calls and projects under ``/event``, ``/user`` and ``/project``.

The write key is in the body, so the body is taken apart before anything is kept and the key
never reaches a topic. Where upstream has a bug this module does what was meant; README.md lists
every such difference, and what is not spoken.
"""

from schemas.wire.rakam.carried import carried
from schemas.wire.rakam.edge import answer, command, read, split
from schemas.wire.rakam.meaning import decode
from schemas.wire.rakam.openapi import DESCRIPTION
from schemas.wire.rakam.replies import refuse, reply
from schemas.wire.rakam.routes import ROUTES

NAME = "rakam"

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
