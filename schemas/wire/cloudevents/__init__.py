"""CloudEvents 1.0 over HTTP: binary, structured and batched content mode.

A request is valid as a whole or refused as a whole. ``README.md`` says what becomes of every
attribute. Sources: CloudEvents 1.0.2, its HTTP protocol binding, JSON format and web hooks.
"""

from schemas.refusals import refuse_plainly as refuse
from schemas.wire.cloudevents.carried import carried
from schemas.wire.cloudevents.edge import ROUTES, greet, read, reply, split
from schemas.wire.cloudevents.meaning import decode
from schemas.wire.cloudevents.openapi import DESCRIPTION

NAME = "cloudevents"

__all__ = [
    "DESCRIPTION",
    "NAME",
    "ROUTES",
    "carried",
    "decode",
    "greet",
    "read",
    "refuse",
    "reply",
    "split",
]
