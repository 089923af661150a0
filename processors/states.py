"""The store behind the table of Faust: one shelf per partition that is this worker's."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

import faust
from faust.stores.base import Store
from faust.tables import TableManager
from faust.types import TP, EventT

from processors.pack import Items
from processors.shelves import MemoryShelf, Shelf

Restore = Callable[[Mapping[int, Shelf], Callable[[int], Shelf]], Awaitable[None]]
"""Brings shelves up to date, see :func:`processors.restore.restore`."""


class Shelves(Protocol):
    """Where shelves come from."""

    def open(self, partition: int) -> Shelf:
        """Open the shelf of a partition."""

    def remove(self, partition: int) -> None:
        """Remove what a closed shelf has left."""


class InMemory:
    """Shelves that leave nothing."""

    def open(self, partition: int) -> Shelf:  # noqa: ARG002 - one is as good as another
        """Make an empty one."""
        return MemoryShelf()

    def remove(self, partition: int) -> None:
        """Nothing is left."""


class States(Store[bytes, bytes]):
    """Shelves that come and go with the partitions of the changelog.

    A shelf is closed when its partition leaves, so nothing is left over from an earlier
    assignment; one that stays remembers what it has read, so a rebalance that moves other
    partitions reads nothing again. The rest is Faust's: who owns what, and recovery of what the
    changelog got since :data:`Restore` looked.
    """

    def __init__(
        self, *args: Any, shelves: Shelves, restore: Restore, changelog: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._made_by = shelves
        self._restore = restore
        self._changelog = changelog
        self._open: dict[int, Shelf] = {}

    def partitions(self) -> Collection[int]:
        """Tell which partitions' states are here."""
        return self._open.keys()

    def find(self, partition: int) -> Shelf | None:
        """Give the state of a partition, None when it is not here."""
        return self._open.get(partition)

    def shelf(self, partition: int) -> Shelf:
        """Give the state of a partition.

        Raises:
            KeyError: it is not here, see :meth:`find`.
        """
        return self._open[partition]

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],  # noqa: ARG002 - Faust's signature
        newly_assigned: set[TP],  # noqa: ARG002 - Faust's signature
        generation_id: int = 0,  # noqa: ARG002 - Faust's signature
    ) -> None:
        """Close what went, open what came and read its changelog."""
        mine = {tp.partition for tp in assigned if tp.topic == self._changelog}
        for partition in self._open.keys() - mine:
            self._open.pop(partition).close()
        came = {partition: self._made_by.open(partition) for partition in mine - self._open.keys()}

        def renew(partition: int) -> Shelf:
            came[partition].close()
            self._made_by.remove(partition)
            came[partition] = self._made_by.open(partition)
            return came[partition]

        try:
            if came:
                await self._restore(dict(came), renew)
        except BaseException:
            for shelf in came.values():
                shelf.close()
            raise
        self._open.update(came)

    def persisted_offset(self, tp: TP) -> int | None:
        """Tell Faust where its recovery has to begin; None for the beginning."""
        shelf = self._open.get(tp.partition)
        return None if shelf is None or shelf.offset < 0 else shelf.offset

    def apply_changelog_batch(
        self,
        batch: Iterable[EventT[bytes]],
        to_key: Callable[[Any], Any],  # noqa: ARG002 - keys are bytes
        to_value: Callable[[Any], Any],  # noqa: ARG002 - as are values
    ) -> None:
        """Take what Faust's recovery has read."""
        read: dict[int, Items] = defaultdict(list)
        ends: dict[int, int] = {}
        for event in batch:
            message = event.message
            read[message.partition].append((message.key, message.value))
            ends[message.partition] = message.offset
        for partition, items in read.items():
            if partition in self._open:
                self._open[partition].restore(items, ends[partition])

    def reset_state(self) -> None:
        """Remove what is on this machine."""
        for partition in list(self._open):
            self._open.pop(partition).close()
            self._made_by.remove(partition)

    async def backup_partition(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the changelog has all that is here."""

    def restore_backup(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the changelog has all that is here."""

    async def on_stop(self) -> None:
        """Let go of the files."""
        while self._open:
            self._open.popitem()[1].close()


class StatesTable(faust.Table[bytes, bytes]):
    """A table of Faust whose states are reached by partition, outside its streams, too.

    Args:
        states: makes the store, given what Faust gives one.
    """

    def __init__(self, *args: Any, states: Callable[..., States], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._states = states
        self._made: States | None = None

    @property
    def states(self) -> States:
        """The store, as what it is."""
        if self._made is None:
            self._made = self._states("states://", self.app, self, table_name=self.name)
        return self._made

    def _new_store(self) -> States:
        return self.states


class Tables(TableManager):
    """Faust's tables, which all are there before the app is started.

    Faust waits a second for more of them: everybody waits who waits for a worker.
    """

    async def on_start(self) -> None:
        """Read them."""
        await self._update_channels()
        await self.recovery.start()
