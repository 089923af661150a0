"""People who are erased: what there is of one person, found in the tables and deleted."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from schemas import codec
from schemas.events import iso
from schemas.metrics import Metrics
from schemas.profiles import read as read_change
from sinks.clickhouse import ClickHouse, identifier
from sinks.kin import Kin, Merges, Subject
from sinks.profiles import ASKED, Profiles, asked
from sinks.subjects import ids_of, moment, of_person

_PAGE: Final = 2_000
DELETING: Final = {"allow_nondeterministic_mutations": 1}
"""A set of ids is asked of a table, which a replicated server takes for a thing of chance."""
_DICTIONARIES: Final = ("profile_overrides_dict", "profile_keys_dict")


class Tombstones(Protocol):
    """Takes records of people back from the compacted topics."""

    async def changes(self, records: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        """Write to a partition of the profiles topic, under a key, what is to stand there."""

    async def edges(self, profile_ids: Collection[str], until: int) -> int:
        """Take back all edges of these profiles that are not younger; returns their number."""


class Persons:
    """Deletes everything of a person that was received up to the erasure.

    Every step may be done again, by anybody, and leaves behind what the step after it needs:
    whoever is killed in between is followed by one who finds the same.

    Args:
        database: that holds the tables.
        cluster: on which rows are deleted, None for one server.
    """

    def __init__(
        self,
        client: ClickHouse,
        merges: Merges,
        tombstones: Tombstones,
        *,
        cluster: str | None = None,
    ) -> None:
        self._client = client
        self._merges = merges
        self._kin = Kin(client, merges)
        self._tombstones = tombstones
        self._name = name = client.database
        self._on = f" ON CLUSTER {identifier(cluster)}" if cluster else ""
        self._profiles = Profiles(client, merges, Metrics())
        self._events = f"received_at <= {moment('until')} AND {of_person(name)}"
        self._ids = ids = ids_of(name, "profile", one=True)
        self._old = (
            f"hasAny(members, (SELECT groupUniqArray(id) FROM {ids}))"  # noqa: S608 - identifiers
            " AND (version <= {cut:UInt64} OR changes = 0)"
        )

    async def note(self, erasure_id: str, profile_ids: Collection[str]) -> Subject:
        """Note that these profiles are to be erased, with all that are one with them.

        Raises:
            Failed: nothing is noted, or all of it.
        """
        ((now,),) = await self._client.query("SELECT toUnixTimestamp64Milli(now64(3))")
        subject = Subject(erasure_id, int(now))
        members = await self._kin.family(set(profile_ids), subject.asked_at)
        await self._kin.add(subject, members)
        return replace(subject, profiles=len(members))

    async def hide(self, subject: Subject, since: int = 0) -> Subject:
        """Delete what tables of events and profiles have of a person, stored since (Unix ms).

        Raises:
            Failed: with a verdict; again is fine.
            Unavailable: the broker does not take tombstones; again is fine.
        """
        members, joined = await self._kin.members(subject), await self.joined(subject)
        if joined:
            await self._kin.add(subject, joined)
            members, since = members | joined, 0
        await self._kin.learn(subject, since)
        subject = await self._changes(subject)
        subject = await self._rows(subject, since)
        subject = await self._states(subject, members)
        await self.overrides(members)
        return replace(subject, profiles=len(members))

    async def joined(self, subject: Subject) -> set[str]:
        """Name profiles that turned out to be one with a person since the erasure was noted."""
        members = await self._kin.members(subject)
        return await self._kin.family(members, subject.asked_at) - members

    async def members(self, subject: Subject) -> set[str]:
        """Name the profiles of an erasure."""
        return await self._kin.members(subject)

    async def learn(self, subject: Subject) -> None:
        """Note the ids that a person's profiles have, before they are gone."""
        await self._kin.learn(subject, 0)

    async def state(self, subject: Subject) -> None:
        """Write down how far an erasure is."""
        value = {
            "erasure_id": subject.erasure_id,
            "version": await self._now_ns(),
            "hidden_at": iso(subject.hidden_at),
            "found_at": iso(subject.found_at),
            "verified_at": iso(subject.verified_at),
            "cut": subject.cut,
            "events": subject.events,
            "survivors": subject.survivors,
        }
        await self._client.insert("erasure_states", [codec.dumps(value) + b"\n"])

    async def all(self) -> list[Subject]:
        """List all erasures, the youngest first."""
        times = ", ".join(
            f"toUnixTimestamp64Milli({name})" for name in ("hidden_at", "found_at", "verified_at")
        )
        rows = await self._client.query(
            "SELECT toString(x.id), toUnixTimestamp64Milli(x.at), "  # noqa: S608 - identifiers
            f"{times}, cut, events, survivors, x.profiles FROM (SELECT erasure_id AS id,"
            " max(asked_at) AS at, uniqExactIf(erased_ids.id, kind = 'profile') AS profiles"
            f" FROM {self._name}.erased_ids WHERE kind != 'letter' GROUP BY erasure_id) AS x"
            f" LEFT JOIN (SELECT * FROM {self._name}.erasure_states FINAL) AS s"
            " ON s.erasure_id = x.id"
            " ORDER BY x.at DESC, x.id"
        )
        return [Subject(str(row[0]), *map(int, row[1:])) for row in rows]

    async def overrides(self, members: Collection[str]) -> int:
        """Delete what the table of overrides says and merges do not; returns the rows' number."""
        wrong: list[tuple[str, str]] = []
        for part in asked(members):
            rows = await self._client.query(
                f"SELECT profile_id, o.merged_into FROM {self._name}.profile_overrides AS o"  # noqa: S608
                " WHERE profile_id IN {ids:Array(String)}",
                {"ids": part},
            )
            resolve = self._merges.resolve
            wrong += [(old, new) for old, new in rows if old == new or resolve(old) != new]
        for start in range(0, len(wrong), ASKED):
            old, new = zip(*wrong[start : start + ASKED], strict=True)
            await self._delete(
                "profile_overrides",
                "(profile_id, merged_into) IN (SELECT arrayJoin(arrayZip({old:Array(String)},"
                " {new:Array(String)})))",
                {"old": list(old), "new": list(new)},
            )
        if wrong:
            for dictionary in _DICTIONARIES:
                await self._client.command(
                    f"SYSTEM RELOAD DICTIONARY{self._on} {self._name}.{dictionary}"
                )
        return len(wrong)

    async def _changes(self, subject: Subject) -> Subject:
        """Take changes back from their topic, then from the table."""
        terms = f"profile_id IN {self._ids} AND received_at <= {moment('until')}"
        after, found = ("", ""), False
        while True:
            rows = await self._client.query(
                "SELECT profile_id, toString(change_id), kafka_partition, change"  # noqa: S608
                f" FROM {self._name}.profile_changes WHERE {terms} AND (profile_id,"
                " toString(change_id)) > ({profile:String}, {change:String})"
                f" ORDER BY profile_id, toString(change_id) LIMIT {_PAGE}",
                self._parameters(subject) | {"profile": after[0], "change": after[1]},
            )
            if not rows:
                break
            if not found and subject.cut:
                subject = replace(subject, cut=0)
                await self.state(subject)
            found = True
            await self._take_back(subject, rows)
            after = str(rows[-1][0]), str(rows[-1][1])
        if found:
            await self._delete("profile_changes", terms, self._parameters(subject))
        return subject

    async def _take_back(self, subject: Subject, rows: Sequence[Sequence[Any]]) -> None:
        """Write tombstones, or what was received later under the same keys."""
        keys = {read_change(row[3].encode()).key: int(row[2]) for row in rows}
        later: dict[bytes, bytes] = {}
        for part in asked({str(row[0]) for row in rows}):
            found = await self._client.query(
                f"SELECT change FROM {self._name}.profile_changes"  # noqa: S608 - identifiers
                f" WHERE profile_id IN {{ids:Array(String)}} AND received_at > {moment('until')}"
                " ORDER BY received_at",
                {"ids": part, "until": subject.asked_at},
            )
            later |= {read_change(text.encode()).key: text.encode() for (text,) in found}
        await self._tombstones.changes((at, key, later.get(key)) for key, at in keys.items())

    async def _rows(self, subject: Subject, since: int) -> Subject:
        """Delete events, after what was made of them in sessions."""
        given = self._parameters(subject, since)
        terms = f"{self._events} AND stored_at >= {moment('since')}"
        events = f"{self._name}.events"
        ((count,),) = await self._client.query(
            f"SELECT uniqExact(source_id, event_id) FROM {events} WHERE {terms}",  # noqa: S608
            given,
        )
        own = f"finalizeAggregation(profile_id) IN {self._ids} AND ended <= {moment('until')}"
        if count:
            await self._sessions(terms, given)
        await self._delete_found("session_states", own, given)
        if count:
            await self._delete("events", terms, given)
        return replace(subject, events=subject.events + int(count))

    async def _sessions(self, terms: str, given: dict[str, Any]) -> None:
        """Cut the sessions of events anew, from what others did in them or the person later."""
        events = f"{self._name}.events"
        found = await self._client.query(
            f"SELECT DISTINCT source_id, session_id FROM {events}"  # noqa: S608 - identifiers
            f" WHERE {terms} AND session_id != ''",
            given,
        )
        names = await self._fed()
        these = "(SELECT arrayJoin(arrayZip({sources:Array(String)}, {sessions:Array(String)})))"
        touched = f"(source_id, session_id) IN {these}"
        for start in range(0, len(found), ASKED):
            sources, sessions = zip(*found[start : start + ASKED], strict=True)
            some = given | {"sources": list(sources), "sessions": list(sessions)}
            await self._delete("session_states", touched, some)
            await self._client.command(
                f"INSERT INTO {self._name}.events_feed ({names}) SELECT {names} FROM {events}"  # noqa: S608
                f" WHERE {touched} AND NOT ({terms})",
                some,
            )

    async def _states(self, subject: Subject, members: Collection[str]) -> Subject:
        """Let the profiles be what is left of them."""
        if not subject.cut:
            subject = replace(subject, cut=await self._now_ns())
            await self.state(subject)
        await self.stale(subject, members)
        return subject

    async def stale(self, subject: Subject, members: Collection[str]) -> int:
        """Delete states that were folded of what is erased; returns their number."""
        given = self._parameters(subject) | {"cut": subject.cut}
        found = await self._delete_found("profile_states", self._old, given)
        if found:
            await self._profiles.fold(members)
        return found

    async def _delete_found(self, table: str, terms: str, given: dict[str, Any]) -> int:
        """Delete rows if there are any: a deletion of none is work for the server, too."""
        ((count,),) = await self._client.query(
            f"SELECT count() FROM {self._name}.{table} WHERE {terms}",  # noqa: S608 - identifiers
            given,
        )
        if count:
            await self._delete(table, terms, given)
        return int(count)

    async def _delete(self, table: str, terms: str, given: dict[str, Any]) -> None:
        await self._client.command(
            f"DELETE FROM {self._name}.{table}{self._on} WHERE {terms}",  # noqa: S608 - as above
            given,
            DELETING,
        )

    async def _fed(self) -> str:
        columns = await self._client.query(
            "SELECT name FROM system.columns WHERE database = {database:String}"
            " AND table = 'events_feed' ORDER BY position",
            {"database": self._name},
        )
        return ", ".join(f"`{name}`" for (name,) in columns)

    async def _now_ns(self) -> int:
        ((now,),) = await self._client.query("SELECT toUnixTimestamp64Nano(now64(9))")
        return int(now)

    def _parameters(self, subject: Subject, since: int = 0) -> dict[str, Any]:
        return {"erasure": subject.erasure_id, "until": subject.asked_at, "since": since}
