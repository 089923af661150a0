"""A collection -> the view over its events, as SQL. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from schemas.catalog import Collection
from sinks.columns import expression
from sinks.naming import OWN_COLUMNS, column_name, literal, quoted, view_name


@dataclass(frozen=True, slots=True)
class View:
    """A view.

    Attributes:
        database, name: what it is called.
        select: what it shows.
    """

    database: str
    name: str
    select: str

    @property
    def fingerprint(self) -> str:
        """Tells two definitions apart; kept as the view's comment."""
        text = f"{self.name}\0{self.select}"
        return f"headrace {sha256(text.encode()).hexdigest()[:32]}"

    def create(self, on_cluster: str) -> str:
        """Write the statement that makes it or replaces an older one."""
        return (
            f"CREATE OR REPLACE VIEW {quoted(self.database)}.{quoted(self.name)}{on_cluster}"
            f" AS {self.select} COMMENT {literal(self.fingerprint)}"
        )


Promoted = Mapping[tuple[str, str], str]
"""Property and type -> the column of ``events`` that holds it."""


def view_of(
    collection: Collection, database: str, events: str, promoted: Promoted = MappingProxyType({})
) -> View:
    """Write a collection's view.

    It reads FINAL, for ``FROM view FINAL`` is understood and not obeyed: rows are right without
    the reader's doing.

    Args:
        database: of the source, that the view goes to.
        events: the qualified name of the events.
        promoted: properties that have a column of their own.
    """
    names = {name: column_name(name) for name in collection.properties}
    row = _free(names.values())

    def value(name: str, type_name: str) -> str:
        column = promoted.get((name, type_name))
        return f"{row}.{column}" if column else expression(name, type_name, f"{row}.properties")

    columns = [f"{row}.{column} AS {name}" for name, column in OWN_COLUMNS.items()]
    columns += [
        f"{value(name, type_name)} AS {quoted(names[name])}"
        for name, type_name in collection.properties.items()
    ]
    select = (
        f"SELECT {', '.join(columns)} FROM {events} AS {row} FINAL"  # noqa: S608 - quoted in sinks.naming
        f" WHERE {row}.source_id = {literal(collection.source_id)}"
        f" AND {row}.event_type = {literal(collection.name)}"
    )
    return View(database, view_name(collection.name, database), select)


def _free(columns: Iterable[str]) -> str:
    """Find a name for a row that no column bears, for a column's name goes before a table's."""
    taken = {column.partition(".")[0] for column in columns}
    row = "e"
    while row in taken:
        row += "_"
    return row
