"""What can be asked of an installation beside taking events: sources, keys, schemas, rows.

A vendor's ``command`` makes one of these, the edge has it done, the vendor's ``answer`` words
the result. Each class says what its result is. All of them raise, when they are done, Malformed
(``source-unknown`` with status 404, ``source-exists`` 409, ``source-invalid`` ...) or Unavailable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.named import Asked
from schemas.people import EraseProfile, FindProfiles, ListErasures
from schemas.signed import MakeLinks
from schemas.sources import KeyType, Source
from schemas.task_commands import TaskCommand
from schemas.validations import Validation
from schemas.webhook_commands import WebhookCommand


@dataclass(frozen=True, slots=True)
class Issued:
    """A source, and those of its keys that are shown this once.

    Attributes:
        clear: id of a key -> the key itself.
    """

    source: Source
    clear: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class CreateSource:
    """Make a source; -> :class:`Issued`.

    Attributes:
        fields: of :class:`schemas.sources.Source` as JSON, ``id`` among them.
        keys: types of the keys to draw.
        write_key: a key that trackers carry already, adopted in place of a drawn write key.
    """

    fields: Mapping[str, Any]
    keys: tuple[KeyType, ...] = ("write",)
    write_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ListSources:
    """-> tuple of all sources, by id."""


@dataclass(frozen=True, slots=True)
class ShowSource:
    """-> :class:`schemas.sources.Source`."""

    source_id: str


@dataclass(frozen=True, slots=True)
class ChangeSource:
    """Change fields of a source; -> the source as it is then."""

    source_id: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SaveSource:
    """Make a source without keys, or change it where its id is taken; -> the source as it is then.

    Attributes:
        fields: of :class:`schemas.sources.Source` as JSON, ``id`` among them.
    """

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteSource:
    """Take a source out of the registry; its events and its topic stay. -> None."""

    source_id: str


@dataclass(frozen=True, slots=True)
class AddKey:
    """Draw another key; -> :class:`Issued`."""

    source_id: str
    type: KeyType
    customer: str = ""
    name: str = ""
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Take a key back at once; -> the source as it is then.

    Attributes:
        key: its id, or the key itself.
    """

    source_id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RotateKey:
    """Draw a key and let all others of its type and customer end; -> :class:`Issued`.

    Attributes:
        overlap: seconds for which the others are good yet.
    """

    source_id: str
    type: KeyType
    overlap: int = 0
    customer: str = ""


@dataclass(frozen=True, slots=True)
class ShowSchema:
    """What is known of a source's collections; -> tuple of :class:`schemas.catalog.Collection`."""

    source_id: str


@dataclass(frozen=True, slots=True)
class DeclareSchema:
    """Add properties to a collection, which need not exist yet; -> the collection.

    Attributes:
        properties: name -> type.
    """

    source_id: str
    collection: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShowValidations:
    """What events are held against; -> tuple of :class:`schemas.validations.Validation`."""

    source_id: str


@dataclass(frozen=True, slots=True)
class Validate:
    """Hold events of a type against one more schema, or another of the same name; -> it.

    Its collection need not exist yet.
    """

    source_id: str
    validation: Validation


@dataclass(frozen=True, slots=True)
class StopValidating:
    """Take a validation away; -> None."""

    source_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """Ask the source's rows; -> list of JSON objects.

    Attributes:
        query: what is asked, see :mod:`schemas.query`.
        customer: rows of this customer only, "" for all.
    """

    source_id: str
    query: Any
    customer: str = ""


@dataclass(frozen=True, slots=True)
class ListQueries:
    """What can be asked by name; -> tuple of :class:`schemas.named.Named`."""


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Ask the source's rows a named query; -> list of JSON objects, times as ISO 8601.

    Attributes:
        customer: rows of this customer only, "" for all.
    """

    source_id: str
    asked: Asked
    customer: str = ""


@dataclass(frozen=True, slots=True)
class SelectProfiles:
    """Ask for the profiles of a source that are users; -> list of :class:`Profile`.

    Attributes:
        user: only the profile that this user id is of, "" for all.
        order: trait to order by, "" for those seen last first.
        descending: the other way round, with ``order``.
        limit, offset: so many, and how many to leave out before them.
    """

    source_id: str
    user: str = ""
    order: str = ""
    descending: bool = False
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a user.

    Attributes:
        user_ids: all that were ever said to be the same user.
        traits: name -> value, of the JSON type in which it came.
        first_seen, last_seen: Unix ms.
    """

    user_ids: tuple[str, ...]
    traits: Mapping[str, Any]
    first_seen: int
    last_seen: int


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete a customer's rows of a source; -> number of rows."""

    source_id: str
    customer: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is to be done but to answer; -> None."""


Command = (
    CreateSource
    | ListSources
    | ShowSource
    | ChangeSource
    | SaveSource
    | DeleteSource
    | AddKey
    | RevokeKey
    | RotateKey
    | ShowSchema
    | DeclareSchema
    | ShowValidations
    | Validate
    | StopValidating
    | MakeLinks
    | Select
    | ListQueries
    | RunQuery
    | SelectProfiles
    | Erase
    | FindProfiles
    | EraseProfile
    | ListErasures
    | TaskCommand
    | WebhookCommand
    | Nothing
)
