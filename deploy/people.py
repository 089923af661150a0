"""People as an operator asks for them: found by any of their ids, and erased."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from deploy.registry import Tail
from deploy.settings import Settings
from deploy.tombstones import KafkaTombstones
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.people import EraseProfile, Erasure, FindProfiles, Person, State
from schemas.reading import MAX_ID

if TYPE_CHECKING:
    from sinks.clickhouse import ClickHouse
    from sinks.kin import Subject
    from sinks.persons import Persons

_HIDE_SECONDS: Final = 20.0
"""How long a caller waits; sinks go on with what is left."""
T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


class People:
    """Finds and erases people; connects when it is first needed.

    Args:
        tail: knows which profiles are one.
    """

    def __init__(self, settings: Settings, tail: Tail) -> None:
        self._settings = settings
        self._tail = tail
        self._tombstones = KafkaTombstones(settings.kafka, settings.topics)
        self._client: ClickHouse | None = None

    async def stop(self) -> None:
        """Disconnect."""
        await self._tombstones.stop()
        if self._client is not None:
            await self._client.close()

    async def find(self, command: FindProfiles) -> tuple[Person, ...]:
        """Look for profiles.

        Raises:
            Malformed: ``profile-unknown`` (404), ``profile-invalid``.
            Unavailable: ``store-unavailable``.
        """
        from sinks.found import find  # noqa: PLC0415 - loads ClickHouse's client

        named = _checked(command.named)
        also = self._tail.merges.resolve(named)
        found = await _asked(find(self._clickhouse(), named, also, command.source_id))
        if not found:
            raise Malformed(
                "profile-unknown",
                "nobody has this id: give a profile's id, or that of a user or a visitor, "
                "an e-mail address or a phone number",
                status=404,
            )
        return found

    async def erase(self, source_id: str, command: EraseProfile) -> Erasure:
        """Erase a person.

        Returns when no query finds the person's rows, or when that takes long: the sinks go on.

        Raises:
            Malformed: ``profile-invalid``.
            Unavailable: ``store-unavailable``; then nothing was noted, or all of it.
        """
        from sinks.found import find  # noqa: PLC0415 - loads ClickHouse's client

        named = _checked(command.named)
        ids = self._settings.ids()
        profiles = {named}
        if not ids.is_own(named):
            also = self._tail.merges.resolve(named)
            known = await _asked(find(self._clickhouse(), named, also, source_id))
            kinds = [
                k for k in ("user", "anonymous") if any(named in p.ids.get(k, ()) for p in known)
            ]
            profiles = {p.profile_id for p in known if p.has(named)}
            # also what is not stored yet: these are the profiles that the id will have
            wanted = kinds or (() if profiles else ("user", "anonymous"))
            profiles |= {ids.issue("profile", source_id, kind, named) for kind in wanted}
            profiles |= set() if kinds else {named}
        persons = self._persons()
        subject = await _asked(persons.note(_drawn(), profiles))
        try:
            async with asyncio.timeout(_HIDE_SECONDS):
                subject = await persons.hide(subject)
                await persons.state(subject)
        except (HeadraceError, TimeoutError) as error:
            _log.warning("erasure %s goes on in the sinks: %r", subject.erasure_id, error)
        return shown(subject)

    async def erasures(self) -> tuple[Erasure, ...]:
        """List all erasures, the youngest first.

        Raises:
            Unavailable: ``store-unavailable``.
        """
        return tuple(map(shown, await _asked(self._persons().all())))

    def _clickhouse(self) -> "ClickHouse":
        from sinks.clickhouse import ClickHouse  # noqa: PLC0415 - see above

        if self._client is None:
            self._client = ClickHouse(self._settings.clickhouse_writer)
        return self._client

    def _persons(self) -> "Persons":
        from sinks.persons import Persons  # noqa: PLC0415 - see above

        cluster = self._settings.cluster or None
        merges = self._tail.merges
        return Persons(self._clickhouse(), merges, self._tombstones, cluster=cluster)


def shown(subject: "Subject") -> Erasure:
    """Say how far an erasure is."""
    done = subject.verified_at and subject.verified_at >= subject.found_at
    state: State = "verified" if done else "hidden" if subject.hidden_at else "asked"
    return Erasure(
        subject.erasure_id,
        subject.asked_at,
        subject.profiles,
        subject.events,
        state,
        subject.hidden_at,
        subject.verified_at if done else 0,
        subject.survivors,
    )


def _drawn() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def _checked(named: str) -> str:
    if not named or len(named) > MAX_ID:
        raise Malformed("profile-invalid", f"an id has 1 to {MAX_ID} characters")
    return named


async def _asked(answer: Awaitable[T]) -> T:
    """Wait for the store, whose own words stay in the log of the store."""
    from sinks.verdict import Failed  # noqa: PLC0415 - see above

    try:
        return await answer
    except Failed as failure:
        text = f"the store cannot answer now ({failure.code})"
        raise Unavailable("store-unavailable", text) from failure
