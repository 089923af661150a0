"""Rakam: ``POST /event/collect``, ``/event/batch`` and the two user calls that only set.

The write key is in the body, so the body is taken apart before anything is kept and the key
never reaches a topic. Where upstream has a bug this module does what was meant: a bad element
of a batch fails alone (it is accepted and ends as a dead letter with its reason, because its
tracker would resend it for ever), the checksum counts in any key order, a missing key is always
a 403, and an element's own ``api`` without ``upload_time`` falls back to the request's.
"""

from schemas.wire.rakam.edge import ROUTES, read, split
from schemas.wire.rakam.meaning import decode
from schemas.wire.rakam.replies import refuse, reply

NAME = "rakam"

__all__ = ["NAME", "ROUTES", "decode", "read", "refuse", "reply", "split"]
