"""What is said of profiles -> what they are: the fold of their changes, written beside them."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from schemas import codec
from schemas.metrics import Metrics
from sinks.clickhouse import ClickHouse
from sinks.states import FOLD, Known, state, told, without_paths
from sinks.verdict import RETRY, Failed

TABLE: Final = "profile_states"
ASKED: Final = 2_000
"""Profiles asked for with one query: a server takes 128 KiB of a parameter
(``http_max_field_value_size``). Four queries for 500 each cost it twice as much."""
_STALE: Final = 10_000
_PAGES: Final = 10_000


def asked(profile_ids: Iterable[str]) -> Iterator[list[str]]:
    """Cut ids into lists that one query may carry."""
    ordered = sorted(profile_ids)
    for start in range(0, len(ordered), ASKED):
        yield ordered[start : start + ASKED]


class Merges(Protocol):
    """Which profiles are one; see :class:`schemas.merges.Merges`."""

    def resolve(self, profile_id: str) -> str:
        """Name the profile that goes on for this one."""

    def family(self, profile_id: str) -> tuple[str, ...]:
        """List all profiles that are one with this one, itself included."""


class Profiles:
    """Folds profiles again out of the table of their changes.

    Nothing is remembered from one fold to the next, so any sink may fold any profile, and twice
    does no harm. Of several rows of a profile the one counts whose changes were read last: its
    version is the server's clock before it read them. Whoever stores a change, or learns of a
    merge, folds afterwards; so the last row has seen everything.
    """

    def __init__(self, client: ClickHouse, merges: Merges, metrics: Metrics) -> None:
        self._client = client
        self._merges = merges
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._states = f"{client.database}.{TABLE}"
        self._changes = f"{client.database}.profile_changes"
        self._overrides = f"{client.database}.profile_overrides"

    async def fold(self, profile_ids: Iterable[str]) -> None:
        """Fold the profiles that go on for these.

        Raises:
            Failed: with a verdict; again is fine.
        """
        # One at a time: a fold must not know less of merges than one that it overtakes.
        async with self._turn:
            roots = sorted({self._merges.resolve(each) for each in profile_ids})
            for part in self._parts(roots):
                await self._fold(part)

    async def stale(self) -> int:
        """Find profiles whose row does not hold all of their changes, and fold them.

        Nobody else finds those whose change was stored by a sink that ended before it had heard
        that the profile was merged.

        Returns:
            Their number.

        Raises:
            Failed: with a verdict; again is fine.
        """
        count = 0
        for _ in range(_PAGES):
            found = await self._client.query(
                "SELECT told.survivor FROM (SELECT if(o.merged_into = '', c.profile_id,"  # noqa: S608 - identifiers
                " o.merged_into) AS survivor, sum(cityHash64(c.change)) AS digest"
                f" FROM {self._changes} AS c FINAL ANY LEFT JOIN"
                f" (SELECT profile_id, merged_into FROM {self._overrides} FINAL) AS o"
                " ON o.profile_id = c.profile_id GROUP BY survivor) AS told ANY LEFT JOIN"
                f" (SELECT profile_id, digest, fold FROM {self._states} FINAL) AS known"
                " ON known.profile_id = told.survivor"
                " WHERE known.digest != told.digest OR known.fold != {fold:UInt16}"
                f" LIMIT {_STALE}",
                {"fold": FOLD},
            )
            count += len(found)
            await self.fold(str(row[0]) for row in found)
            if len(found) < _STALE:
                break
        self._metrics.add("headrace_sink_stale_profiles_total", count)
        return count

    def _parts(self, roots: Iterable[str]) -> Iterator[list[str]]:
        part: list[str] = []
        members = 0
        for root in roots:
            size = len(self._merges.family(root))
            if part and members + size > ASKED:
                yield part
                part, members = [], 0
            part.append(root)
            members += size
        if part:
            yield part

    async def _fold(self, roots: Collection[str]) -> None:
        now, known = await self._known(roots)
        families = {root: self._merges.family(root) for root in roots}
        found = await self._found({each for family in families.values() for each in family})
        rows = []
        for root, family in families.items():
            was, said = known.get(root, Known()), told(root, family, found)
            if not was.covers(said) and (said.changes or was.version):
                rows.append(state(said, max(now, was.version + 1)))
        if rows:
            await self._store(rows)
        self._metrics.add("headrace_sink_profiles_total", len(rows), outcome="written")
        self._metrics.add("headrace_sink_profiles_total", len(roots) - len(rows), outcome="same")

    async def _known(self, roots: Collection[str]) -> tuple[int, dict[str, Known]]:
        """Ask the server's clock, and what is folded already."""
        ((now, rows),) = await self._client.query(
            "SELECT toUnixTimestamp64Nano(now64(9)),"  # noqa: S608 - identifiers
            " groupArray((profile_id, version, digest, fold, members))"
            f" FROM {self._states} FINAL WHERE profile_id IN {{ids:Array(String)}}",
            {"ids": list(roots)},
        )
        return int(now), {
            each[0]: Known(each[1], each[2], each[3], tuple(each[4])) for each in rows
        }

    async def _found(self, members: Collection[str]) -> Mapping[str, Sequence[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        for part in asked(members):
            rows = await self._client.query(
                "SELECT profile_id, change, cityHash64(change)"  # noqa: S608 - identifiers
                f" FROM {self._changes} FINAL WHERE profile_id IN {{ids:Array(String)}}",
                {"ids": part},
            )
            for profile_id, record, digest in rows:
                found.setdefault(str(profile_id), []).append((str(record), int(digest)))
        return found

    async def _store(self, rows: Sequence[Mapping[str, Any]]) -> None:
        try:
            await self._client.insert(TABLE, map(_line, rows))
        except Failed as failure:
            if failure.verdict == RETRY or failure.verdict.then != "poison":
                raise
            for row in rows:
                await self._store_one(row)

    async def _store_one(self, row: Mapping[str, Any]) -> None:
        try:
            await self._client.insert(TABLE, [_line(row)])
        except Failed as failure:
            if failure.verdict == RETRY or failure.verdict.then != "poison":
                raise
            await self._client.insert(TABLE, [_line(without_paths(row, failure.code))])


def _line(row: Mapping[str, Any]) -> bytes:
    return codec.dumps(row) + b"\n"
