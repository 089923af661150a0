"""headrace's own protocol: ``POST /v1/events``, what headrace.js and your own clients speak.

A request is a batch. It is refused when nothing in it is right; else what is wrong in it becomes
dead letters with their reasons, because a tracker that is told 400 throws its whole batch away.
"""

from schemas.refusals import refuse_plainly as refuse
from schemas.wire.own.carried import carried
from schemas.wire.own.edge import ROUTES, read, reply, split
from schemas.wire.own.meaning import decode
from schemas.wire.own.openapi import DESCRIPTION

NAME = "own"

__all__ = ["DESCRIPTION", "NAME", "ROUTES", "carried", "decode", "read", "refuse", "reply", "split"]
