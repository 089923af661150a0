"""What an ingest knew when it last ran, for a start while Kafka is away.

Sources and schemas are tailed from Kafka; a process that cannot reach it would have to refuse
everything, although there is a spool. So they are written down beside the spool as they change.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson

from deploy.declare import wait_for_kafka
from deploy.files import OWNER_ONLY, replace_file
from deploy.registry import Tail
from deploy.settings import Settings
from ingest.calls import Desk
from ingest.ending import ended
from schemas.catalog import Catalog
from schemas.catalog import read as read_collection
from schemas.commands import Command
from schemas.errors import Malformed, Unavailable
from schemas.merges import Merges
from schemas.sources import Key, Redirect, Registry, Source, from_record
from schemas.webhooks import Webhooks

log: Final = logging.getLogger(__name__)
_KAFKA_SECONDS: Final = 60.0
_PATIENCE_SECONDS: Final = 3.0
_WRITE_SECONDS: Final = 2.0


class Remembered(Registry):
    """Sources of the last run. Who is not among them may be new, so nobody is turned away."""

    def get(self, source_id: str) -> Source | None:
        """Find a source; raises Unavailable when it is not known."""
        return super().get(source_id) or _doubt()

    def find_key(self, key: str) -> tuple[Source, Key] | None:
        """Find a source by a key; raises Unavailable when it is not known."""
        return super().find_key(key) or _doubt()

    def find_redirect(self, link: str) -> tuple[Source, Redirect] | None:
        """Find a source by a redirect; raises Unavailable when it is not known."""
        return super().find_redirect(link) or _doubt()


def _doubt() -> NoReturn:
    raise Unavailable("broker-unavailable", "Kafka is away: try again later")


class Recall:
    """The tail, and until it has caught up what was remembered; starts and stops the tail.

    Args:
        path: None to remember nothing.
    """

    def __init__(self, tail: Tail, settings: Settings, path: Path | None) -> None:
        self._tail = tail
        self._kafka = settings.kafka
        self._of = {"kafka": settings.kafka, "prefix": settings.prefix}
        self._path = path
        self._remembered: tuple[Registry, Catalog] = Remembered(), Catalog()
        self._webhooks = Webhooks()
        self._starting: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def complete(self) -> bool:
        """Whether everything is known that was written so far."""
        return self._starting is not None and self._starting.done()

    @property
    def registry(self) -> Registry:
        """All sources known at present."""
        return self._tail.registry if self.complete else self._remembered[0]

    @property
    def catalog(self) -> Catalog:
        """All schemas known at present."""
        return self._tail.catalog if self.complete else self._remembered[1]

    @property
    def webhooks(self) -> Webhooks:
        """All webhooks known at present."""
        return self._tail.webhooks if self.complete else self._webhooks

    @property
    def merges(self) -> Merges:
        """All merged profiles known at present; none is remembered."""
        return self._tail.merges

    async def start(self) -> None:
        """Return when the tail has caught up, or soon where something is remembered.

        Raises:
            SettingError: no broker answers, and nothing is remembered.
        """
        remembered = self._path is not None and self._read(self._path)
        if not remembered:
            await wait_for_kafka(self._kafka, seconds=_KAFKA_SECONDS)
        self._starting = asyncio.create_task(self._tail.start(), name="recall")
        await asyncio.wait({self._starting}, timeout=_PATIENCE_SECONDS if remembered else None)
        if not self.complete:
            log.warning("Kafka is away: going by the sources and schemas of the last run")
        if self._path is not None:
            self._writing = asyncio.create_task(self._keep(self._path), name="remember")

    async def stop(self) -> None:
        """End the tail."""
        await ended(self._writing, self._starting)
        await self._tail.stop()

    def _read(self, path: Path) -> bool:
        try:
            found = orjson.loads(path.read_bytes())
            if found["of"] != self._of:
                return False
            for record in found["sources"]:
                self._remembered[0].put(from_record(record))
            for record in found["collections"]:
                self._remembered[1].put(read_collection(orjson.dumps(record)))
            for record in found.get("webhooks", ()):
                self._webhooks.fold(record["id"].encode(), orjson.dumps(record))
        except FileNotFoundError:
            return False
        except (OSError, ValueError, LookupError, TypeError, Malformed) as error:
            log.warning("%s cannot be read and is not used: %r", path, error)
            return False
        return True

    async def _keep(self, path: Path) -> None:
        """Write down what is known whenever it has changed; for ever."""
        written: tuple[int, ...] | None = None
        while True:
            tail = self._tail
            known = (tail.version, tail.touched.revision, tail.webhooks.revision)
            if self.complete and known != written:
                try:
                    await asyncio.to_thread(replace_file, path, self._image(), mode=OWNER_ONLY)
                    written = known
                except OSError as error:
                    log.warning("%s cannot be written: %s", path, error)
            await asyncio.sleep(_WRITE_SECONDS)

    def _image(self) -> bytes:
        registry, catalog = self._tail.registry, self._tail.catalog
        ids = registry.ids()
        sources = [source.as_record() for source in map(registry.get, ids) if source is not None]
        collections: list[Any] = [
            orjson.Fragment(collection.as_record()) for i in ids for collection in catalog.of(i)
        ]
        webhooks = [orjson.Fragment(each.as_record()) for each in self._tail.webhooks.all()]
        image = {"sources": sources, "collections": collections, "webhooks": webhooks}
        return orjson.dumps({"of": self._of, **image})


class Waiting:
    """A desk that does nothing before everything is known: it would answer from an empty tail."""

    def __init__(self, desk: Desk, recall: Recall) -> None:
        self._desk = desk
        self._recall = recall

    def is_admin(self, credential: str) -> bool:
        """Tell, in constant time, whether this is the admin key."""
        return self._desk.is_admin(credential)

    async def do(self, command: Command) -> Any:
        """Do a command.

        Raises:
            Unavailable: ``broker-unavailable`` before Kafka was reached; else as the desk.
        """
        if not self._recall.complete:
            _doubt()
        return await self._desk.do(command)
