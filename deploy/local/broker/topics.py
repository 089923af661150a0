"""The topics of the broker: declared, stored one directory each, never created by being named."""

import asyncio
import logging
import os
import re
import secrets
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import orjson

from .errors import Code, RefusedError
from .files import replace_file, sync_directory
from .log import PartitionLog
from .topic_config import LogSettings, checked, log_settings

MAX_PARTITIONS = 1_000  # each keeps a file open; a typing error must not eat all of them
_DESCRIPTION = "topic.json"
_RECOVERY_THREADS = 4
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Topic:
    """A topic; `identity` tells it from another one that had the same name before."""

    name: str
    identity: str
    directory: Path
    overrides: dict[str, str]
    partitions: list[PartitionLog] = field(default_factory=list)

    def describe(self, partitions: int) -> bytes:
        """Serialise what `topic.json` holds."""
        return orjson.dumps(
            {
                "name": self.name,
                "identity": self.identity,
                "partitions": partitions,
                "configs": self.overrides,
            }
        )


def check_name(name: str) -> None:
    """Raise `RefusedError` (INVALID_TOPIC_EXCEPTION) for a name Kafka would refuse."""
    if name in {".", ".."} or not _NAME.fullmatch(name):
        raise RefusedError(
            Code.INVALID_TOPIC_EXCEPTION,
            "a topic name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is not . or ..",
        )


class Topics:
    """All topics, by name. Changes are made one at a time, on disk first."""

    def __init__(
        self, directory: Path, defaults: Mapping[str, str], now_ms: Callable[[], int]
    ) -> None:
        """Open every topic found below `directory`; raises OSError."""
        self.defaults = dict(defaults)
        self._directory = directory
        self._now_ms = now_ms
        self._changing = asyncio.Lock()
        self._topics: dict[str, Topic] = {}
        directory.mkdir(parents=True, exist_ok=True)
        self._open_all()

    def __iter__(self) -> Iterator[Topic]:
        return iter(list(self._topics.values()))

    def find(self, name: str) -> Topic | None:
        """Return the topic of this name, if there is one."""
        return self._topics.get(name)

    def get(self, name: str) -> Topic:
        """Return the topic; raises `RefusedError` when there is none."""
        topic = self._topics.get(name)
        if topic is None:
            raise RefusedError(Code.UNKNOWN_TOPIC_OR_PARTITION)
        return topic

    def log(self, name: str, partition: int) -> PartitionLog:
        """Return the log of a partition; raises `RefusedError` when there is none."""
        topic = self._topics.get(name)
        if topic is None or not 0 <= partition < len(topic.partitions):
            raise RefusedError(Code.UNKNOWN_TOPIC_OR_PARTITION)
        return topic.partitions[partition]

    def logs(self) -> list[PartitionLog]:
        """Return the logs of all partitions."""
        return [log for topic in self._topics.values() for log in topic.partitions]

    def settings(self, topic: Topic) -> LogSettings:
        """Resolve the settings of a topic."""
        return log_settings(topic.overrides, self.defaults)

    async def create(
        self, name: str, partitions: int, configs: Mapping[str, str | None], *, dry: bool = False
    ) -> Topic | None:
        """Declare a topic; None after a `dry` run. Raises `RefusedError`."""
        check_name(name)
        if not 1 <= partitions <= MAX_PARTITIONS:
            raise RefusedError(
                Code.INVALID_PARTITIONS, f"a topic has 1 to {MAX_PARTITIONS} partitions"
            )
        overrides = checked(configs)
        async with self._changing:
            if name in self._topics:
                raise RefusedError(Code.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
            if dry:
                return None
            topic = await self._on_disk(lambda: self._make(name, partitions, overrides))
            self._topics[name] = topic
            return topic

    async def add_partitions(self, name: str, count: int, *, dry: bool = False) -> None:
        """Grow a topic to `count` partitions; raises `RefusedError`."""
        async with self._changing:
            topic = self.get(name)
            if not len(topic.partitions) < count <= MAX_PARTITIONS:
                raise RefusedError(
                    Code.INVALID_PARTITIONS,
                    f"Topic currently has {len(topic.partitions)} partitions; "
                    f"it can only grow, to at most {MAX_PARTITIONS}",
                )
            if not dry:
                topic.partitions += await self._on_disk(lambda: self._grow(topic, count))

    async def alter(
        self, name: str, configs: Mapping[str, str | None], *, dry: bool = False
    ) -> None:
        """Replace the overrides of a topic; raises `RefusedError`."""
        overrides = checked(configs)
        async with self._changing:
            topic = self.get(name)
            if dry:
                return
            changed = Topic(name, topic.identity, topic.directory, overrides)
            content = changed.describe(len(topic.partitions))
            await self._on_disk(lambda: replace_file(topic.directory / _DESCRIPTION, content))
            topic.overrides = overrides
            for log in topic.partitions:
                log.settings = self.settings(topic)

    async def delete(self, name: str) -> None:
        """Remove a topic and wake whoever waits for its records; raises `RefusedError`."""
        async with self._changing:
            topic = self.get(name)
            await self._on_disk(lambda: self._forget(topic))
            del self._topics[name]
            for log in topic.partitions:
                log.mark_deleted()
            await asyncio.to_thread(shutil.rmtree, topic.directory, ignore_errors=True)

    def close(self) -> None:
        """Make everything durable and close all files, one failing log not stopping the others."""
        for log in self.logs():
            try:
                log.close_cleanly()
            except OSError:
                _log.exception("cannot close %s cleanly", log.directory)
                log.close()

    async def _on_disk(self, change: Callable[[], _T]) -> _T:
        try:
            return await asyncio.to_thread(change)
        except OSError as error:
            _log.exception("cannot change the topics in %s", self._directory)
            raise RefusedError(Code.KAFKA_STORAGE_ERROR, f"cannot write: {error}") from error

    def _make(self, name: str, partitions: int, overrides: dict[str, str]) -> Topic:
        while True:
            directory = self._directory / f"{name}.{secrets.token_hex(2)}"
            if not directory.exists():
                break
        topic = Topic(name, uuid.uuid4().hex, directory, overrides)
        directory.mkdir()
        try:
            topic.partitions = self._open(topic, range(partitions))
            # From here on the topic exists; a directory without a description is swept away.
            replace_file(directory / _DESCRIPTION, topic.describe(partitions))
            sync_directory(self._directory)
        except OSError:
            for log in topic.partitions:
                log.close()
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return topic

    def _grow(self, topic: Topic, count: int) -> list[PartitionLog]:
        added = self._open(topic, range(len(topic.partitions), count))
        try:
            replace_file(topic.directory / _DESCRIPTION, topic.describe(count))
        except OSError:
            for log in added:
                log.close()
            raise
        return added

    def _open(self, topic: Topic, partitions: range) -> list[PartitionLog]:
        settings = self.settings(topic)
        opened: list[PartitionLog] = []
        try:
            for partition in partitions:
                directory = topic.directory / str(partition)
                directory.mkdir(exist_ok=True)
                opened.append(PartitionLog(directory, settings, self._now_ms))
        except OSError:
            for log in opened:
                log.close()
            raise
        return opened

    def _forget(self, topic: Topic) -> None:
        (topic.directory / _DESCRIPTION).unlink()
        sync_directory(topic.directory)

    def _open_all(self) -> None:
        found: list[tuple[Topic, range]] = []
        for directory in sorted(self._directory.iterdir()):
            description = directory / _DESCRIPTION
            if not description.exists():
                shutil.rmtree(directory)
                continue
            stored = orjson.loads(description.read_bytes())
            topic = Topic(stored["name"], stored["identity"], directory, stored["configs"])
            found.append((topic, range(stored["partitions"])))
        with ThreadPoolExecutor(min(_RECOVERY_THREADS, os.cpu_count() or 1)) as pool:
            opened = pool.map(lambda pair: self._open(*pair), found)
            for (topic, _), partitions in zip(found, opened, strict=True):
                topic.partitions = partitions
                self._topics[topic.name] = topic
