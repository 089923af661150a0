"""The tables that the sink fills: how their lines are read and how their rows are told apart."""

from dataclasses import dataclass
from typing import Final

from sinks import rows


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        name: inside the database.
        key: SQL for what :attr:`sinks.rows.Row.key` holds; ends where the sorting key ends.
        reader: line -> row.
        received: column of what :attr:`sinks.rows.Row.received` holds.
        feed: the table that the derived tables hang on, None without any.
    """

    name: str
    key: str
    reader: rows.Reader
    received: str
    feed: str | None = None


EVENTS: Final = Table(
    "events",
    "concat(toString(event_id), source_id)",
    rows.events,
    "received_at",
    feed="events_feed",
)
DEAD_LETTERS: Final = Table(
    "dead_letters", "concat(toString(letter_id), source_id)", rows.letters, "failed_at"
)
PROFILE_CHANGES: Final = Table(
    "profile_changes", "concat(toString(change_id), source_id)", rows.changes, "received_at"
)
LEDGER: Final = Table("ledger", "concat(toString(ledger_id), source_id)", rows.ledger, "written_at")
