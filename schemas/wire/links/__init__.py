"""headrace's own links and pixels: ``/l/...`` sends people on, ``/o/...`` is a picture.

What is recorded stands in the address, signed with the installation's secret, so the edge looks
nothing up and leads nobody where the sender of the mail did not want him. Whatever becomes of
the event, whoever follows a link that is right reaches its target. ``README.md`` says the rest.
"""

from schemas.refusals import refuse_plainly as refuse
from schemas.wire.links.edge import ROUTES, onward, read, reply, split
from schemas.wire.links.meaning import decode
from schemas.wire.links.openapi import DESCRIPTION

NAME = "links"

__all__ = ["DESCRIPTION", "NAME", "ROUTES", "decode", "onward", "read", "refuse", "reply", "split"]
