"""Who one person is: profiles that are one, and the ids that they have; noted as erased."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from schemas import codec
from schemas.events import iso
from schemas.merges import Edge
from sinks.clickhouse import ClickHouse
from sinks.profiles import Merges as Families
from sinks.profiles import asked
from sinks.subjects import ids_of, moment

_ROUNDS: Final = 10


class Merges(Families, Protocol):
    """Which profiles are one, and why; see :class:`schemas.merges.Merges`."""

    def edges(self, profile_id: str) -> tuple[Edge, ...]:
        """List what makes a profile's family one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One erasure as ``erased_ids`` and ``erasure_states`` have it; times are Unix ms.

    Attributes:
        cut: rows of ``profile_states`` whose changes were read before it (server's clock, ns)
            may know what is erased; 0 while changes are being deleted.
    """

    erasure_id: str
    asked_at: int
    hidden_at: int = 0
    found_at: int = 0
    verified_at: int = 0
    cut: int = 0
    events: int = 0
    survivors: int = 0
    profiles: int = 0


class Kin:
    """Finds what belongs to a person, and keeps it in ``erased_ids``."""

    def __init__(self, client: ClickHouse, merges: Merges) -> None:
        self._client = client
        self._merges = merges
        self._name = client.database
        self._ids = ids_of(self._name, "profile", one=True)

    async def family(self, known: set[str], until: int) -> set[str]:
        """Find all profiles that are one with these by what was received until then (Unix ms)."""
        found = set(known)
        for _ in range(_ROUNDS):
            size = len(found)
            edges = {e for each in tuple(found) for e in self._merges.edges(each) if e.at <= until}
            while more := {
                each for e in edges if found & {*e[:2]} for each in e[:2] if each not in found
            }:
                found |= more
            found |= await self._same_users(found)
            if len(found) == size:
                break
        return found

    async def _same_users(self, profile_ids: Collection[str]) -> set[str]:
        """Find profiles that have a user's id in common with these, in the same source."""
        found: set[str] = set()
        for part in asked(profile_ids):
            users = await self._client.query(
                "SELECT DISTINCT source_id, arrayJoin(JSONExtract(change, 'ids', 'user',"  # noqa: S608
                f" 'Array(String)')) FROM {self._name}.profile_changes"
                " WHERE profile_id IN {ids:Array(String)} AND kind = 'profile'",
                {"ids": part},
            )
            for page in asked({str(user) for _, user in users}):
                rows = await self._client.query(
                    "SELECT profile_id, source_ids, user_ids"  # noqa: S608 - an identifier
                    f" FROM {self._name}.profile_states FINAL"
                    " WHERE hasAny(user_ids, {users:Array(String)}) AND kind = 'profile'",
                    {"users": page},
                )
                for profile_id, sources, ids in rows:
                    if any(source in sources and user in ids for source, user in users):
                        found.add(str(profile_id))
        return found

    async def add(self, subject: Subject, profile_ids: Iterable[str]) -> None:
        """Note profiles, all of them or none."""
        value = {
            "kind": "profile",
            "erasure_id": subject.erasure_id,
            "asked_at": iso(subject.asked_at),
        }
        lines = [codec.dumps(value | {"id": each}) + b"\n" for each in sorted(profile_ids)]
        await self._client.insert("erased_ids", lines)

    async def members(self, subject: Subject) -> set[str]:
        """Name the profiles of an erasure."""
        rows = await self._client.query(
            f"SELECT DISTINCT id FROM {self._ids}",  # noqa: S608 - identifiers
            {"erasure": subject.erasure_id},
        )
        return {str(each) for (each,) in rows}

    async def learn(self, subject: Subject, since: int) -> None:
        """Note the ids that the profiles have, and their sessions, before they are gone."""
        ids = (
            "SELECT source_id, pair.1 AS kind, arrayJoin(pair.2) AS text FROM (SELECT source_id,"  # noqa: S608
            " arrayJoin(JSONExtractKeysAndValues(change, 'ids', 'Array(String)')) AS pair"
            f" FROM {self._name}.profile_changes WHERE kind = 'profile'"
            f" AND profile_id IN {self._ids} AND received_at <= {moment('until')})"
            " WHERE kind IN ('user', 'anonymous')"
        )
        sessions = (
            "SELECT source_id, 'session' AS kind, session_id AS text"  # noqa: S608 - identifiers
            f" FROM {self._name}.events WHERE stored_at >= {moment('since')}"
            f" AND received_at <= {moment('until')} AND session_id != ''"
            f" AND profile_id IN {self._ids}"
        )
        zero = "'\\0'"
        hashed = "sipHash128(kind, toString(source_id), text)"
        await self._client.command(
            f"INSERT INTO {self._name}.erased_ids (kind, source_id, id, digest, erasure_id,"  # noqa: S608
            f" asked_at) SELECT DISTINCT kind, source_id, hex({hashed}) AS hash,"
            f" hex(SHA256(concat(kind, {zero}, toString(source_id), {zero}, text))),"
            " {erasure:UUID},"
            f" {moment('until')} FROM ({ids} UNION ALL {sessions}) WHERE (kind, source_id, hash)"
            f" NOT IN (SELECT toString(kind), source_id, id FROM {self._name}.erased_ids"
            " WHERE erasure_id = {erasure:UUID})",
            {"erasure": subject.erasure_id, "until": subject.asked_at, "since": since},
        )
