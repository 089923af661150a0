"""Tracardi: ``/track``, ``/collect``, ``/redirect``, and what a migration script asks for.

The event source's id is the credential. A request is valid as a whole or refused as a whole,
with the error list of pydantic, which Tracardi's API hands through. ``README.md`` beside this
file names every deliberate difference from upstream.
"""

from typing import Any

from schemas.vendor import Claim, Reply, Request
from schemas.wire.tracardi import management
from schemas.wire.tracardi.carried import carried
from schemas.wire.tracardi.edge import ROUTES, read, split
from schemas.wire.tracardi.management import command
from schemas.wire.tracardi.meaning import decode
from schemas.wire.tracardi.openapi import DESCRIPTION
from schemas.wire.tracardi.replies import headed, refuse, reply

NAME = "tracardi"

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


def answer(result: Any, claim: Claim, request: Request) -> Reply:
    """Word the result of a call."""
    return headed(management.answer(result, claim, request), request)
