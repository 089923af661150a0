"""Event sources as they are made and changed: every writer of the sources topic is in here."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from aiokafka.errors import KafkaError

from deploy.bridge.checks import check
from deploy.declare import declare
from deploy.derived import KEY_PREFIX
from deploy.registry import Tail
from deploy.sealing import sealing
from deploy.settings import SettingError, Settings
from deploy.unknown import unknown
from deploy.writes import Place, Writer
from schemas import codec, commands, kafka_topics
from schemas.errors import Malformed, Unavailable
from schemas.reading import MAX_ID
from schemas.source_fields import as_plain, changed, new_source
from schemas.source_keys import add, kept_key, revoke, rotate
from schemas.sources import Key, KeyType, Source
from schemas.wire import VENDORS

_DECLARE_SECONDS: Final = 10.0
_PROTOCOLS: Final = frozenset(
    vendor.NAME for vendor in VENDORS if any(route.purpose == "collect" for route in vendor.ROUTES)
)


class Sources:
    """The sources of an installation; see :class:`deploy.desk.Desk` for what is raised.

    Args:
        freeze: writes down what is known of a source's schema.
        clock: Unix ms.
    """

    def __init__(
        self,
        settings: Settings,
        tail: Tail,
        writer: Writer,
        *,
        freeze: Callable[[str], Awaitable[None]],
        clock: Callable[[], int],
    ) -> None:
        self._kafka = settings.kafka
        self._seal = sealing(settings)
        self._topics = settings.topics
        self._tail = tail
        self._writer = writer
        self._freeze = freeze
        self._clock = clock

    def list(self) -> tuple[Source, ...]:
        """All sources, by id."""
        registry = self._tail.registry
        return tuple(filter(None, map(registry.get, registry.ids())))

    def find(self, source_id: str) -> Source:
        """Find a source; Malformed ``source-unknown`` (404) when there is none."""
        source = self._tail.registry.get(source_id)
        if source is None:
            raise unknown("source", source_id, self._tail.registry.ids())
        return source

    async def create(self, command: commands.CreateSource) -> commands.Issued:
        """Make a source with new keys."""
        given = new_source(command.fields)
        now = self._clock()
        adopted = _adoptable(command.write_key)
        issued = [
            _new_key(key_type, now, clear=adopted if key_type == "write" else "")
            for key_type in command.keys
        ]
        keys = tuple(key for _, key in issued)
        source = replace(given, keys=keys, created_at=now, updated_at=now)
        source = self._sealed(source, command.fields)

        def draft() -> Source:
            if self._tail.registry.get(source.id):
                message = f"there is a source {source.id!r} already"
                raise Malformed("source-exists", message, status=409)
            if any(self._tail.registry.find_key(clear) for clear, _ in issued):
                raise Malformed("key-exists", "another source has this key already", status=409)
            return self._checked(source)

        draft()
        await self._declare_topic(source.id)
        await self._put(source.id, draft, of_all=bool(adopted or source.redirects))
        return commands.Issued(source, {key.id: clear for clear, key in issued})

    async def save(self, command: commands.SaveSource) -> Source:
        """Make a source, or change it where it is there."""
        given = new_source(command.fields)
        if self._tail.registry.get(given.id) is None:
            try:
                made = await self.create(commands.CreateSource(command.fields, keys=()))
            except Malformed as error:
                if error.code != "source-exists":
                    raise
            else:
                return made.source
        changes = {name: value for name, value in command.fields.items() if name != "id"}
        return await self.change(commands.ChangeSource(given.id, changes))

    async def change(self, command: commands.ChangeSource) -> Source:
        """Change fields of a source."""
        changes = command.changes
        found = self.find(command.source_id)
        if changed(found, changes) == found:
            return found
        if found.dynamic_schema and changes.get("dynamic_schema") is False:
            await self._freeze(found.id)
        return await self._put(
            found.id,
            lambda: self._checked(
                self._sealed(
                    replace(changed(self.find(found.id), changes), updated_at=self._clock()),
                    changes,
                )
            ),
            of_all="redirects" in changes,
        )

    async def delete(self, command: commands.DeleteSource) -> None:
        """Take a source out of the registry."""
        source_id = self.find(command.source_id).id
        await self._writer.drop(self._place(source_id), lambda: self.find(source_id))

    async def add_key(self, command: commands.AddKey) -> commands.Issued:
        """Draw another key."""
        now = self._clock()
        if 0 < command.expires_at <= now:
            message = "expires_at is past"
            raise Malformed("key-invalid", message, status=409, where=("expires_at",))
        clear, key = _new_key(
            command.type, now, command.customer, command.name, expires_at=command.expires_at
        )
        source = await self._put(
            command.source_id, lambda: add(self.find(command.source_id), key, now_ms=now)
        )
        return commands.Issued(source, {key.id: clear})

    async def rotate_key(self, command: commands.RotateKey) -> commands.Issued:
        """Draw a key; the others of its type and customer end."""
        now = self._clock()
        clear, key = _new_key(command.type, now, command.customer)
        source = await self._put(
            command.source_id,
            lambda: rotate(self.find(command.source_id), key, overlap=command.overlap, now_ms=now),
        )
        return commands.Issued(source, {key.id: clear})

    async def revoke_key(self, command: commands.RevokeKey) -> Source:
        """Take a key back at once."""
        return await self._put(
            command.source_id,
            lambda: revoke(self.find(command.source_id), command.key, now_ms=self._clock()),
        )

    async def _declare_topic(self, source_id: str) -> None:
        """Make the raw topic: whoever sees the source may use it at once."""
        try:
            async with asyncio.timeout(_DECLARE_SECONDS):
                await declare(self._kafka, [self._topics.raw(source_id)])
        except SettingError as error:
            raise Malformed("topic-mismatch", str(error), status=409) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable(
                "broker-unavailable", "Kafka does not make the source's topic: try again"
            ) from error

    async def _put(
        self, source_id: str, draft: Callable[[], Source], *, of_all: bool = False
    ) -> Source:
        """Write a source; returns it as it was written."""
        return await self._writer.put(self._place(source_id), draft, of_all=of_all)

    def _place(self, source_id: str) -> Place[Source]:
        key = source_id.strip().lower()
        return Place(
            self._topics.sources.name,
            key.encode(),
            lambda: self._tail.registry.get(key),
            lambda source: codec.dumps(source.as_record()),
        )

    def _sealed(self, source: Source, given: Mapping[str, Any]) -> Source:
        """Seal the secrets that were given just now; the others are sealed already."""
        topic, fields = source.kafka, given.get("kafka")
        if topic is None or fields is None:
            return source
        fresh: dict[str, Any] = {
            name: self._seal(fields[name], source.id, name)
            for name in kafka_topics.SECRETS
            if fields.get(name)
        }
        return replace(source, kafka=replace(topic, **fresh)) if fresh else source

    def _checked(self, source: Source) -> Source:
        """Hold a source against the others: keys and links are the only ones of their kind."""
        registry = self._tail.registry
        if source.protocol not in _PROTOCOLS | {"any"}:
            known = ", ".join(sorted(_PROTOCOLS))
            raise Malformed(
                "source-invalid", f"protocol must be any or one of {known}", where=("protocol",)
            )
        if source.kafka is not None:
            check(source.kafka, self._topics.prefix)
        for link in source.redirects:
            found = registry.find_redirect(link.id)
            if found is not None and found[0].id != source.id:
                raise Malformed(
                    "redirect-exists",
                    f"source {found[0].id} has a redirect {link.id!r} already",
                    status=409,
                    where=("redirects",),
                )
        return source


def draw_key(key_type: KeyType) -> str:
    """Draw a key of 256 random bits; its prefix tells its type to people and secret scanners."""
    return KEY_PREFIX[key_type] + secrets.token_urlsafe(32)


def _new_key(
    key_type: KeyType,
    now_ms: int,
    customer: str = "",
    name: str = "",
    *,
    expires_at: int = 0,
    clear: str = "",
) -> tuple[str, Key]:
    """Draw a key, or adopt one; returns it in clear and as it is kept."""
    clear = clear or draw_key(key_type)
    key = kept_key(
        clear,
        key_type,
        key_id=secrets.token_hex(6),
        now_ms=now_ms,
        expires_at=expires_at,
        customer=customer,
        name=name,
    )
    return clear, key


def _adoptable(key: str) -> str:
    """Take a key that trackers carry, "" for none.

    Raises:
        Malformed: ``key-invalid``.
    """
    key = as_plain(key, "write_key", MAX_ID, "key-invalid").strip()
    if not key.isascii() or " " in key:
        raise Malformed("key-invalid", "a key has no blanks and is plain ASCII")
    return key
