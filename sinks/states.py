"""Changes of a profile as the table has them -> its row of what they add up to. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import codec
from schemas.events import iso
from schemas.profiles import Change, fold, read

FOLD: Final = 1
"""Raised when the same changes are to add up to something else than before."""
_U64: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Told:
    """Changes of one profile and of those that were merged into it.

    Attributes:
        profile_id: the one that goes on.
        members: all of them, itself included, sorted.
        changes: records of :mod:`schemas.profiles`.
        digest: sum of the records' hashes, modulo 2**64.
    """

    profile_id: str
    members: tuple[str, ...]
    changes: tuple[str, ...]
    digest: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the table says of a profile already, and which changes that was made of."""

    version: int = 0
    digest: int = 0
    fold: int = 0
    members: tuple[str, ...] = ()

    def covers(self, told: Told) -> bool:
        """Tell whether these changes are what was folded."""
        return (self.digest, self.fold, self.members) == (told.digest, FOLD, told.members)


def told(
    profile_id: str, family: Iterable[str], found: Mapping[str, Sequence[tuple[str, int]]]
) -> Told:
    """Put together what is said of a family.

    Args:
        found: profile -> its records and their hashes.
    """
    members = tuple(sorted(family))
    rows = [row for each in members for row in found.get(each, ())]
    digest = sum(each for _, each in rows) & _U64
    return Told(profile_id, members, tuple(record for record, _ in rows), digest)


def state(told: Told, version: int) -> dict[str, Any]:
    """Fold changes into a row of ``profile_states``."""
    changes = [read(record.encode()) for record in told.changes]
    folded = fold(changes)
    return {
        "profile_id": told.profile_id,
        "version": version,
        "kind": changes[0].kind if changes else "profile",
        "source_ids": _sources(changes),
        "members": told.members,
        "ids": folded.ids,
        "groups": folded.groups,
        "traits": folded.traits,
        "traits_text": codec.dumps(folded.traits).decode(),
        "first_seen": iso(folded.first_seen),
        "last_seen": iso(folded.last_seen),
        "changes": folded.changes,
        "notes": list(folded.notes),
        "digest": told.digest,
        "fold": FOLD,
    }


def without_paths(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Leave out traits that no JSON column takes; their text says what they are."""
    note = f"traits are in traits_text only: {reason}"
    return {**row, "traits": {}, "notes": [*row["notes"], note]}


def _sources(changes: Sequence[Change]) -> list[str]:
    """List the sources, that of the first change first."""
    ordered = sorted(changes, key=lambda change: change.order)
    return list(dict.fromkeys(change.source_id for change in ordered))
