"""Committed offsets of consumer groups: one append-only file, rewritten when it is mostly old.

Each line is checked on its own, so a line torn by a crash is noticed and dropped. Commits are not
synced one by one: after a power cut a group may fall back a moment and see records again, which
at-least-once consumers have to bear anyway. A killed process loses nothing.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import crc32c
import orjson

from .errors import Code, RefusedError
from .files import replace_file, sync_data, write_all

_REWRITE_FLOOR = 1_000  # lines; below this a rewrite saves nothing worth having
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Committed:
    """A committed offset; `topic_identity` ties it to one life of the topic's name."""

    offset: int
    leader_epoch: int
    metadata: str
    committed_ms: int
    topic_identity: str


Place = tuple[str, int]  # topic, partition
_Row = tuple[str, str, int, Committed | None]


class CommittedOffsets:
    """What every group has committed, in memory and in one file."""

    def __init__(self, path: Path, is_current: Callable[[str, str], bool]) -> None:
        """Load the file and rewrite it without what is stale or torn.

        `is_current(topic, identity)` says whether that very topic still exists. Raises OSError.
        """
        self._path = path
        self._groups: dict[str, dict[Place, Committed]] = {}
        self._lines = 0
        self._file: int | None = None
        for row in self._load():
            self._apply(row)
        self._drop_stale(is_current)
        self.rewrite()

    def groups(self) -> Iterator[str]:
        """Iterate over the groups that have committed anything."""
        return iter(list(self._groups))

    def of(self, group: str) -> dict[Place, Committed]:
        """Return all commits of a group."""
        return self._groups.get(group, {})

    def commit(self, group: str, commits: dict[Place, Committed]) -> None:
        """Store commits, all or none; raises `RefusedError` (retriable) when that fails."""
        self._store((group, topic, partition, c) for (topic, partition), c in commits.items())

    def forget(self, group: str, places: Iterable[Place]) -> None:
        """Drop commits of a group."""
        known = self.of(group)
        self._store((group, *place, None) for place in list(places) if place in known)

    def forget_group(self, group: str) -> None:
        """Drop everything a group has committed."""
        self.forget(group, self.of(group))

    def forget_topic(self, topic: str) -> None:
        """Drop all commits for a topic: the next topic of that name starts from nothing."""
        self._store(
            (group, *place, None)
            for group, commits in list(self._groups.items())
            for place in list(commits)
            if place[0] == topic
        )

    def rewrite(self) -> None:
        """Write the live commits to a new file; raises OSError."""
        rows: list[_Row] = [
            (group, *place, committed)
            for group, commits in self._groups.items()
            for place, committed in commits.items()
        ]
        replace_file(self._path, b"".join(map(_line, rows)))
        self._lines = len(rows)
        self.close()
        self._file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)

    def rewrite_if_stale(self) -> None:
        """Rewrite when more than half of the file is history; raises OSError."""
        live = sum(map(len, self._groups.values()))
        if self._lines > _REWRITE_FLOOR + 2 * live:
            self.rewrite()

    def close(self) -> None:
        """Sync and close the file; raises OSError."""
        if self._file is not None:
            sync_data(self._file)
            os.close(self._file)
            self._file = None

    def _store(self, rows: Iterable[_Row]) -> None:
        rows = list(rows)
        if not rows:
            return
        content = b"".join(map(_line, rows))
        if self._file is None:
            raise RefusedError(Code.COORDINATOR_NOT_AVAILABLE, "the broker is stopping")
        before = os.fstat(self._file).st_size
        try:
            write_all(self._file, [content], before)
        except OSError as error:
            os.ftruncate(self._file, before)
            _log.exception("cannot write to %s", self._path)
            raise RefusedError(Code.COORDINATOR_NOT_AVAILABLE, f"cannot write: {error}") from error
        self._lines += len(rows)
        for row in rows:
            self._apply(row)

    def _apply(self, row: _Row) -> None:
        group, topic, partition, committed = row
        commits = self._groups.setdefault(group, {})
        if committed is None:
            commits.pop((topic, partition), None)
        else:
            commits[topic, partition] = committed
        if not commits:
            del self._groups[group]

    def _drop_stale(self, is_current: Callable[[str, str], bool]) -> None:
        for group, commits in list(self._groups.items()):
            live = {p: c for p, c in commits.items() if is_current(p[0], c.topic_identity)}
            if live:
                self._groups[group] = live
            else:
                del self._groups[group]

    def _load(self) -> Iterator[_Row]:
        if not self._path.exists():
            return
        dropped = 0
        for line in self._path.read_bytes().split(b"\n"):
            row = _parsed(line)
            if row is not None:
                yield row
            elif line:
                dropped += 1
        if dropped:
            _log.warning("%s: dropped %d damaged lines", self._path, dropped)


def _line(row: _Row) -> bytes:
    group, topic, partition, committed = row
    content = orjson.dumps([group, topic, partition, committed])
    return b"%08x %b\n" % (crc32c.crc32c(content), content)


def _parsed(line: bytes) -> _Row | None:
    stored_sum, _, content = line.partition(b" ")
    if not content or stored_sum != b"%08x" % crc32c.crc32c(content):
        return None
    group, topic, partition, committed = orjson.loads(content)
    return group, topic, partition, None if committed is None else Committed(**committed)
