"""What kind of file a part is, and what its rows are called."""

from deploy.imports.tables import container_of
from deploy.imports.unpack import Part


def container_for(name: str, part: Part) -> str:
    """Tell what kind of file a part is; Snowplow's have no header and nothing is quoted."""
    if name == "snowplow":
        return "ndjson" if part.stream.peek(1)[:1] == b"{" else "cells"
    return container_of(part.plain, part.stream)


def stem_of(part: Part) -> str:
    """Name the rows of a file after it, where nothing else does."""
    last = part.plain.replace("\\", "/").rpartition("/")[2].rpartition("!")[2]
    return "" if last in {"", "-"} else last.partition(".")[0]
