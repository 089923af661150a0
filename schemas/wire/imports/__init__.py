"""Files: rows of CSV, JSON, Avro and Parquet, and the exports of other vendors.

``headrace import`` writes them as raw events of this protocol, so that the processors do the rest
as for any event, and a row that was not understood can be replayed through a later version.
"""

from schemas.refusals import refuse_plainly as refuse
from schemas.wire.imports.edge import ROUTES, read, reply, split
from schemas.wire.imports.meaning import decode
from schemas.wire.imports.openapi import DESCRIPTION

NAME = "import"

__all__ = ["DESCRIPTION", "NAME", "ROUTES", "decode", "read", "refuse", "reply", "split"]
