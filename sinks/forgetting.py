"""Erasures of people, followed until nothing of them is left, and for as long as they last."""

import logging
from dataclasses import replace
from typing import Final

from schemas.metrics import Metrics
from sinks import subjects
from sinks.clickhouse import ClickHouse
from sinks.kin import Subject
from sinks.persons import Persons, Tombstones
from sinks.purge import Purge
from sinks.rewrite import Rewrite

SETTLE_MS: Final = 300_000
"""A sink that read before an erasure has written by then, or has given up."""
OVERLAP_MS: Final = 120_000
"""``stored_at`` is a row's age when its insert began; longer than any insert takes."""

_log: Final = logging.getLogger(__name__)


class Forgetting:
    """Does what is left to do of every erasure; several sinks may, side by side.

    Args:
        rewrite_ms: from an erasure to the rewriting of the files, ms.
    """

    def __init__(
        self,
        client: ClickHouse,
        persons: Persons,
        tombstones: Tombstones,
        purge: Purge,
        rewrite: Rewrite,
        metrics: Metrics,
        *,
        rewrite_ms: int,
        settle_ms: int = SETTLE_MS,
    ) -> None:
        self._client = client
        self._persons = persons
        self._tombstones = tombstones
        self._purge = purge
        self._rewrite = rewrite
        self._metrics = metrics
        self._rewrite_ms = rewrite_ms
        self._settle_ms = settle_ms
        self._swept_to = 0

    async def sweep(self) -> None:
        """Look once: at erasures that are new, at what came late, at what is to be rewritten.

        Raises:
            Failed: with a verdict; the next sweep looks at the same again.
            Unavailable: the broker is away; likewise.
        """
        ((now,),) = await self._client.query("SELECT toUnixTimestamp64Milli(now64(3))")
        known = await self._persons.all()
        if known:
            await self._letters(known)
            late = await self._late()
            known = [await self._followed(each, int(now), late) for each in known]
        if await self._due(known, int(now)):
            await self._rewrite.begin()
            known = [await self._verified(each, int(now)) for each in known]
        self._swept_to = max(0, int(now) - OVERLAP_MS)
        self._measure(known, int(now))

    async def _letters(self, known: list[Subject]) -> None:
        """Look into letters; into all of them when somebody was erased since."""
        new = any(not each.hidden_at for each in known)
        for each in known:
            if not each.hidden_at:
                await self._persons.learn(each)
        since = 0 if new else self._swept_to
        found = await self._purge.letters(await subjects.subjects(self._client), since)
        self._metrics.add("headrace_erasure_rows_total", found, table="dead_letters")

    async def _late(self) -> set[str]:
        rows = await self._client.query(
            subjects.late(self._client.database), {"since": self._swept_to}
        )
        return {str(each) for (each,) in rows}

    async def _followed(self, subject: Subject, now: int, late: set[str]) -> Subject:
        """Hide a person for the first time, or again, because something came late."""
        if not subject.hidden_at or subject.erasure_id in late:
            return await self._hidden(subject, now)
        if now - subject.found_at >= self._settle_ms:
            return subject
        if await self._persons.joined(subject):
            return await self._hidden(subject, now)
        # a sink may have written what it had read before it knew
        members = await self._persons.members(subject)
        await self._persons.stale(subject, members)
        await self._persons.overrides(members)
        return subject

    async def _hidden(self, subject: Subject, now: int) -> Subject:
        since = self._swept_to if subject.hidden_at else 0
        before = subject.events
        subject = await self._persons.hide(subject, since)
        members = await self._persons.members(subject)
        if await self._tombstones.edges(members, subject.asked_at):
            await self._persons.overrides(members)
        subject = replace(subject, hidden_at=subject.hidden_at or now, found_at=now)
        await self._persons.state(subject)
        self._metrics.add("headrace_erasure_rows_total", subject.events - before, table="events")
        _log.info("erasure %s: %d events", subject.erasure_id, subject.events - before)
        return subject

    async def _due(self, known: list[Subject], now: int) -> bool:
        if any(self._is_due(each, now) for each in known):
            return True
        return await self._rewrite.hiding(self._rewrite_ms / 1000)

    def _is_due(self, subject: Subject, now: int) -> bool:
        if subject.verified_at >= subject.found_at and subject.verified_at:
            return False
        began = max(subject.asked_at, subject.found_at)
        return bool(subject.hidden_at) and now - began >= max(self._rewrite_ms, self._settle_ms)

    async def _verified(self, subject: Subject, now: int) -> Subject:
        """Count what is left; an erasure is done when that is nothing."""
        if not self._is_due(subject, now):
            return subject
        left = await self._rewrite.survivors(subject)
        done = replace(subject, survivors=sum(left.values()), verified_at=now)
        if done.survivors:
            _log.info("erasure %s: still in files: %s", subject.erasure_id, left)
            done = replace(done, verified_at=subject.verified_at)
        if done != subject:
            await self._persons.state(done)
        return done

    def _measure(self, known: list[Subject], now: int) -> None:
        pending = [e for e in known if not e.verified_at or e.verified_at < e.found_at]
        oldest = min((each.asked_at for each in pending), default=now)
        self._metrics.set("headrace_erasures_pending", len(pending))
        self._metrics.set("headrace_erasures_pending_oldest_seconds", max(0, now - oldest) / 1000)
