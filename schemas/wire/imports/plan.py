"""How the rows of a file become events; travels with each of them as what they share."""

from collections.abc import Mapping
from dataclasses import Field, field
from typing import Any, ClassVar, Final

from schemas.reading import JsonObject, as_word, inside
from schemas.times import storable
from schemas.values import frozen

ROWS: Final = "rows"
"""The format of files that are no vendor's export: a column, a property."""
TARGETS: Final = (
    "id",
    "event",
    "kind",
    "time",
    "user",
    "anonymous",
    "session",
    "group",
    "previous",
    "ip",
    "user_agent",
    "url",
    "title",
    "referrer",
    "locale",
)
"""What a column can be besides a property."""
CELLS: Final = ("number", "boolean", "json", "text")
"""What the text of a cell can be read as."""


@frozen
class Plan:
    """How rows become events.

    Attributes:
        format: whose export it is, see :data:`schemas.wire.imports.formats.FORMATS`.
        collection: event type of rows that have none in a column.
        columns: what a column is, out of :data:`TARGETS`, -> its name.
        types: column of text -> what its cells are read as, out of :data:`CELLS`.
        skip: columns that are left out.
        began: when the import began, Unix ms: the time of rows that have none.
        record: of rows that came as records of a topic, where and what that was: columns of
            names that begin with ``_``, see :data:`schemas.kafka_topics.METADATA`.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    format: str = ROWS
    collection: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    began: int = 0
    record: Mapping[str, Any] = field(default_factory=dict)

    def shared(self, *, named: bool = False) -> JsonObject:
        """Write it as what all events of an import share, without what is empty.

        Args:
            named: with its format, where the endpoint of the events does not say it.
        """
        known: JsonObject = {
            "format": self.format if named else "",
            "collection": self.collection,
            "columns": self.columns,
            "types": self.types,
            "skip": self.skip,
            "record": self.record,
        }
        return {"began": self.began} | {name: value for name, value in known.items() if value}

    def of_record(self, column: str) -> Any:
        """Find what ``column`` is of the record; None where there is no such."""
        outer, dot, name = column.partition(".")
        found = self.record.get(outer)
        return inside(self.record, outer).get(name) if dot else found


def of_shared(name: str, shared: Any) -> Plan:
    """Inverse of :meth:`Plan.shared`; what cannot be is as if it were not there."""
    shared = shared if type(shared) is dict else {}
    began, skip = shared.get("began"), shared.get("skip")
    return Plan(
        format=as_word(shared.get("format")) or name,
        collection=as_word(shared.get("collection")),
        columns=_words(inside(shared, "columns")),
        types=_words(inside(shared, "types")),
        skip=tuple(each for each in skip if type(each) is str) if type(skip) is list else (),
        began=(storable(began) or 0) if type(began) is int else 0,
        record=inside(shared, "record"),
    )


def _words(given: JsonObject) -> dict[str, str]:
    return {name: value for name, value in given.items() if type(value) is str}
