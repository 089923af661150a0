"""A collection -> its row in the list of collections. Pure."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from schemas import codec
from schemas.catalog import Collection
from schemas.events import iso
from sinks.naming import column_name
from sinks.views import View

TABLE: Final = "collection_states"


class Listed(NamedTuple):
    """A row.

    Attributes:
        digest: tells rows of other contents apart.
        line: what is inserted.
    """

    digest: str
    line: bytes


def listed(collection: Collection, view: View) -> Listed:
    """Write a collection's row; its columns are those of ``sinks/ddl/006_collections.sql``."""
    row: Mapping[str, Any] = {
        "source_id": collection.source_id,
        "name": collection.name,
        "database": view.database,
        "view": view.name,
        "version": collection.version,
        "properties": [
            {"name": name, "column": column_name(name), "type": type_name}
            | _seen(collection.seen.get(name))
            for name, type_name in collection.properties.items()
        ],
    }
    digest = sha256(codec.dumps(row)).hexdigest()[:32]
    return Listed(digest, codec.dumps({**row, "digest": digest}) + b"\n")


def _seen(times: tuple[int, int] | None) -> dict[str, str]:
    return {"first_seen": iso(times[0]), "last_seen": iso(times[1])} if times else {}
