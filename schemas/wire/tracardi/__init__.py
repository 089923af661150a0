"""Tracardi: ``POST /track`` and ``POST /collect/{type}/{source}``.

The event source's id is the credential. A request is valid as a whole or refused as a whole,
with the error list of pydantic, which Tracardi's API hands through. Where upstream has a bug
this module does what was meant: ``time.create`` is converted instead of relabelled, ``options``
may be null, a webhook's body may be a real multipart form, and a webhook's JSON that is not an
object is a 422 instead of a 500.
"""

from schemas.wire.tracardi.edge import ROUTES, read, split
from schemas.wire.tracardi.meaning import decode
from schemas.wire.tracardi.replies import refuse, reply

NAME = "tracardi"

__all__ = ["NAME", "ROUTES", "decode", "read", "refuse", "reply", "split"]
