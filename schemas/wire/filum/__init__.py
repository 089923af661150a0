"""Filum: ``POST /events`` with one event or, as every SDK sends it, an array of events.

A single event is refused when it is wrong, and so is an array in which nothing is right. An
array with some good events is accepted; what is wrong in it becomes dead letters with their
reasons, because an SDK that is told 400 throws its whole batch away.
"""

from schemas.wire.filum.carried import carried
from schemas.wire.filum.edge import ROUTES, read, refuse, reply, split
from schemas.wire.filum.meaning import decode
from schemas.wire.filum.openapi import DESCRIPTION

NAME = "filum"

__all__ = ["DESCRIPTION", "NAME", "ROUTES", "carried", "decode", "read", "refuse", "reply", "split"]
