"""What callers ask for is done here: sources and schemas in Kafka, rows in ClickHouse.

``/api``, the vendors' own management calls and ``headrace sources`` all come to this desk. Reads
are answered from the tail; writes go to the compacted topics and are known to this process when
they return, to all others with their next fetch.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, Protocol

from deploy.admin_key import is_admin
from deploy.declare import wait_for_kafka
from deploy.people import People
from deploy.registry import Tail
from deploy.schemata import Schemata
from deploy.settings import Settings
from deploy.sources import Sources
from deploy.tasks.keep import Tasks
from deploy.webhooks.keep import Keep
from deploy.writes import Writer
from schemas import commands
from schemas.errors import Malformed, Unavailable
from schemas.named import NAMED, Asked
from schemas.people import EraseProfile, Erasure, FindProfiles, ListErasures, Person
from schemas.query import Query
from schemas.signed import MadeLink, MakeLinks, make

_TURN_SECONDS: Final = 10.0
_KAFKA_SECONDS: Final = 10.0


class Archive(Protocol):
    """Where the rows are; see :class:`sinks.archive.Archive`."""

    async def select(
        self, source_id: str, query: Query, customer: str = ""
    ) -> list[dict[str, Any]]:
        """Ask a source's rows."""

    async def run(self, source_id: str, asked: Asked, customer: str = "") -> list[dict[str, Any]]:
        """Ask a source's rows a named query."""

    async def profiles(self, asked: commands.SelectProfiles) -> list[commands.Profile]:
        """Ask for users of a source."""

    async def erase(self, source_id: str, customer: str) -> int:
        """Delete a customer's rows; returns their number."""

    async def properties(self, source_id: str) -> dict[str, dict[str, str]]:
        """Tell event type -> property -> type, as seen in the rows."""

    async def close(self) -> None:
        """Disconnect."""


class Desk:
    """Does every command of :mod:`schemas.commands`.

    Args:
        tail: of this process; starting and stopping it is the caller's.
        archive: makes it when it is first needed: most processes never do.
        clock: Unix ms.
    """

    def __init__(
        self,
        settings: Settings,
        tail: Tail,
        *,
        archive: Callable[[], Archive],
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._make_archive = archive
        self._archive: Archive | None = None
        self._writer = Writer(settings.kafka, tail)
        self._people = People(settings, tail)
        self._turn = asyncio.Lock()
        self._schemata = Schemata(settings.topics.schemas.name, tail, self._writer, self._seen)
        self._sources = sources = Sources(
            settings, tail, self._writer, freeze=self._schemata.freeze, clock=clock
        )
        tasks = Tasks(settings, tail, self._writer, source=sources.find, clock=clock)
        hooks = Keep(settings, tail, self._writer, source=sources.find, clock=clock)
        self._asks: Mapping[type, Callable[[Any], Awaitable[Any]]] = {
            **tasks.asks,
            **hooks.asks,
            commands.ShowSchema: self._schema,
            commands.ShowValidations: self._validations,
            MakeLinks: self._make_links,
            commands.Select: self._select,
            commands.RunQuery: self._run,
            commands.SelectProfiles: self._profiles,
            commands.Erase: self._erase,
            FindProfiles: self._find_profiles,
            EraseProfile: self._erase_profile,
            ListErasures: self._erasures,
        }
        self._writes: Mapping[type, Callable[[Any], Awaitable[Any]]] = {
            **tasks.writes,
            **hooks.writes,
            commands.CreateSource: sources.create,
            commands.SaveSource: sources.save,
            commands.ChangeSource: sources.change,
            commands.DeleteSource: sources.delete,
            commands.AddKey: sources.add_key,
            commands.RevokeKey: sources.revoke_key,
            commands.RotateKey: sources.rotate_key,
            commands.DeclareSchema: self._declare,
            commands.Validate: self._validate,
            commands.StopValidating: self._stop_validating,
        }

    async def start(self) -> None:
        """Do nothing: everything connects when it is first needed."""

    async def stop(self) -> None:
        """Disconnect."""
        await self._writer.stop()
        await self._people.stop()
        if self._archive is not None:
            await self._archive.close()

    def is_admin(self, credential: str) -> bool:
        """Tell, in constant time, whether this is the admin key."""
        return is_admin(self._settings, credential)

    async def do(self, command: commands.Command) -> Any:
        """Do a command; the result is what its class says.

        Raises:
            Malformed: ``source-invalid``, ``kafka-invalid``, ``key-invalid``,
                ``collection-invalid``, ``schema-invalid``, ``profile-invalid``, ``link-invalid``,
                ``task-invalid`` (400); ``source-unknown``, ``key-unknown``, ``validation-unknown``,
                ``profile-unknown``, ``task-unknown`` (404); ``source-exists``, ``key-exists``,
                ``redirect-exists``, ``topic-mismatch``, ``too-many-keys``, ``schema-conflict``,
                ``validation-exists``, ``too-many-validations``, ``task-exists``, ``task-running``,
                ``too-many-tasks`` (409).
            Unavailable: ``broker-unavailable``, ``too-many-writers``, ``overloaded``, or what
                the archive raises.
        """
        match command:
            case commands.Nothing():
                return None
            case commands.ListQueries():
                return tuple(NAMED.values())
            case commands.ListSources():
                return self._sources.list()
            case commands.ShowSource():
                return self._sources.find(command.source_id)
        if type(command) in self._asks:
            return await self._asks[type(command)](command)
        async with self._my_turn():
            return await self._writes[type(command)](command)

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        """Write one thing after another, so that this process never competes with itself."""
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError as error:
            raise Unavailable("overloaded", "other changes are under way: try again") from error
        try:
            yield
        finally:
            self._turn.release()

    async def _schema(self, command: commands.ShowSchema) -> Any:
        return await self._schemata.show(self._sources.find(command.source_id).id)

    async def _declare(self, command: commands.DeclareSchema) -> Any:
        source_id = self._sources.find(command.source_id).id
        return await self._schemata.declare(source_id, command.collection, command.properties)

    async def _validations(self, command: commands.ShowValidations) -> Any:
        return self._schemata.validations(self._sources.find(command.source_id).id)

    async def _make_links(self, command: MakeLinks) -> tuple[MadeLink, ...]:
        source_id = self._sources.find(command.source_id).id
        settings = self._settings
        return make(replace(command, source_id=source_id), settings.ids(), settings.url)

    async def _validate(self, command: commands.Validate) -> Any:
        source_id = self._sources.find(command.source_id).id
        return await self._schemata.validate(source_id, command.validation)

    async def _stop_validating(self, command: commands.StopValidating) -> Any:
        source_id = self._sources.find(command.source_id).id
        return await self._schemata.stop_validating(source_id, command.name)

    async def _select(self, command: commands.Select) -> Any:
        source_id = self._sources.find(command.source_id).id
        return await self._rows().select(source_id, command.query, command.customer)

    async def _run(self, command: commands.RunQuery) -> Any:
        source_id = self._sources.find(command.source_id).id
        return await self._rows().run(source_id, command.asked, command.customer)

    async def _profiles(self, command: commands.SelectProfiles) -> Any:
        self._sources.find(command.source_id)
        return await self._rows().profiles(command)

    async def _erase(self, command: commands.Erase) -> Any:
        if not command.customer:
            raise Malformed("customer-missing", "name the customer whose rows are to go")
        source_id = self._sources.find(command.source_id).id
        return await self._rows().erase(source_id, command.customer)

    async def _find_profiles(self, command: FindProfiles) -> tuple[Person, ...]:
        if command.source_id:
            self._sources.find(command.source_id)
        return await self._people.find(command)

    async def _erase_profile(self, command: EraseProfile) -> Erasure:
        source_id = self._sources.find(command.source_id).id
        return await self._people.erase(source_id, command)

    async def _erasures(self, command: ListErasures) -> tuple[Erasure, ...]:  # noqa: ARG002
        return await self._people.erasures()

    async def _seen(self, source_id: str) -> Mapping[str, Mapping[str, str]]:
        return await self._rows().properties(source_id)

    def _rows(self) -> Archive:
        if self._archive is None:
            self._archive = self._make_archive()
        return self._archive


def archive_of(settings: Settings) -> Archive:
    """Reach the rows of the installation; loads ClickHouse's client, hence not before needed."""
    from sinks.archive import ASK_SECONDS, Archive  # noqa: PLC0415 - see above
    from sinks.clickhouse import ClickHouse  # noqa: PLC0415 - see above

    client = ClickHouse(settings.clickhouse_writer, seconds=ASK_SECONDS)
    return Archive(client, settings.database, settings.cluster or None)


@asynccontextmanager
async def open_desk(settings: Settings, *, clock: Callable[[], int]) -> AsyncIterator[Desk]:
    """Give a desk of its own to a command that is soon over.

    Raises:
        SettingError: no broker answers.
    """
    await wait_for_kafka(settings.kafka, seconds=_KAFKA_SECONDS)
    tail = Tail(settings.kafka, settings.topics, tasks=True)
    desk = Desk(settings, tail, archive=lambda: archive_of(settings), clock=clock)
    await tail.start()
    try:
        yield desk
    finally:
        await desk.stop()
        await tail.stop()
