"""Profiles that turned out to be one: records of the overrides topic, and what they add up to."""

from collections.abc import Mapping
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed

LONGEST_PROFILE: Final = 512


def key(profile_id: str, merged_into: str) -> bytes:
    """Key of a merge on its compacted topic: both ids, since a profile may be merged twice."""
    return f"{profile_id}\x00{merged_into}".encode("utf-8", "surrogatepass")


def write(profile_id: str, merged_into: str, at: int) -> bytes:
    """Record that ``profile_id`` goes on as ``merged_into``; ``at`` is Unix ms."""
    return codec.dumps({"profile_id": profile_id, "merged_into": merged_into, "merged_at": at})


def read(value: bytes) -> tuple[str, str]:
    """Inverse of :func:`write`, without the time.

    Raises:
        Malformed: ``json-invalid`` or ``merge-invalid``.
    """
    record: Any = codec.loads(value)
    if isinstance(record, Mapping):
        loser, survivor = record.get("profile_id"), record.get("merged_into")
        if isinstance(loser, str) and isinstance(survivor, str) and loser and survivor:
            return loser, survivor
    raise Malformed("merge-invalid", "a merge names profile_id and merged_into")


class Merges:
    """All merges, folded in the order of their topic's one partition.

    Everybody who has read as far knows the same survivors: whoever was merged into somebody
    stands behind that one's survivor, and a merge within one group changes nothing, so a
    circle cannot be and a record may come any number of times.
    """

    def __init__(self) -> None:
        self._into: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._into)

    def put(self, profile_id: str, merged_into: str) -> None:
        """Add one merge."""
        loser, survivor = self.resolve(profile_id), self.resolve(merged_into)
        if loser != survivor:
            self._into[loser] = survivor

    def resolve(self, profile_id: str) -> str:
        """Name the profile that goes on for ``profile_id``: itself when it was never merged."""
        into = self._into
        found = into.get(profile_id)
        if found is None:
            return profile_id
        root = found
        while (beyond := into.get(root)) is not None:
            root = beyond
        while found != root:
            into[profile_id] = root
            profile_id, found = found, into[found]
        return root
