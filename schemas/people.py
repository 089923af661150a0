"""People looked for and erased: what is asked, and what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["asked", "hidden", "verified"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure, and how far it is.

    Attributes:
        erasure_id: UUID.
        asked_at: what was received later stays, Unix ms.
        profiles: how many profiles it is of, all those that are one counted.
        events: rows of events that were deleted.
        state: ``asked``: noted, dead letters and merges are being looked through; ``hidden``: no
            query finds anything; ``verified``: the files were rewritten, and nothing of theirs
            was counted in them.
        hidden_at, verified_at: Unix ms, 0 for not yet.
        survivors: rows that were counted last, 0 before.
    """

    erasure_id: str
    asked_at: int
    profiles: int = 0
    events: int = 0
    state: State = "asked"
    hidden_at: int = 0
    verified_at: int = 0
    survivors: int = 0


@dataclass(frozen=True, slots=True)
class FindProfiles:
    """Look for profiles by any of their ids; -> tuple of :class:`Person`.

    Attributes:
        source_id: profiles that this source knows, "" for those of any.
        named: a profile's id, or a user's, a visitor's, an e-mail address or a phone number.
    """

    named: str
    source_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a profile that was looked for.

    Attributes:
        members: profiles that are one with it, itself included.
        ids: kind -> ids.
        first_seen, last_seen: Unix ms.
    """

    profile_id: str
    source_ids: tuple[str, ...]
    members: tuple[str, ...]
    ids: Mapping[str, Any]
    groups: Mapping[str, str]
    traits: Mapping[str, Any]
    first_seen: int
    last_seen: int

    def has(self, named: str) -> bool:
        """Tell whether this is an id of the profile, and no address, which others may share."""
        others = (self.ids.get(kind, ()) for kind in ("user", "anonymous"))
        return named in self.members or any(named in found for found in others)


@dataclass(frozen=True, slots=True)
class EraseProfile:
    """Erase a person, and what is still on its way; -> :class:`Erasure`.

    Attributes:
        named: the profile's id, or the id of its user or visitor in the source.
    """

    source_id: str
    named: str


@dataclass(frozen=True, slots=True)
class ListErasures:
    """-> tuple of :class:`Erasure`, the youngest first."""
