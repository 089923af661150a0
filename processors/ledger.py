"""Which offset is safe to commit: everything below it was acknowledged, one by one.

Faust 0.15.3 keeps its own account, and it is wrong around a rebalance: ``perform_seek`` sets
back the offset it believes to have read while records go on arriving, the next record then
looks like the end of a gap, the gap counts as acknowledged, and offsets inside it that are
acknowledged twice stop the commits (``Consumer._add_gap``, ``_new_offset``; also issue 606).
Here an offset counts when the broker delivered it, and is settled when it is acknowledged.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from schemas.errors import HeadraceError


class Skipped(HeadraceError):
    """A record was delivered and never processed, though a later one was."""


@dataclass(slots=True)
class _Account:
    first: int
    highest: int
    open: dict[int, None] = field(default_factory=dict)


class Ledger:
    """The open offsets of every partition, in the order they were delivered.

    Relies on acknowledgements in that order; one that comes early proves that the records
    before it got lost inside this process.
    """

    def __init__(self) -> None:
        self._accounts: dict[Hashable, _Account] = {}

    def delivered(self, partition: Hashable, offset: int) -> bool:
        """Open an offset; False when it was delivered before and so changes nothing.

        One before all others means that reading began anew further back, and so does this.
        """
        account = self._accounts.get(partition)
        if account is None or offset < account.first:
            self._accounts[partition] = _Account(offset, offset, {offset: None})
            return True
        if offset <= account.highest:
            return False
        account.highest = offset
        account.open[offset] = None
        return True

    def acknowledged(self, partition: Hashable, offset: int) -> None:
        """Settle an offset; one that is settled already, or foreign, changes nothing.

        Raises:
            Skipped: an earlier offset is still open. Nothing behind it is ever committed.
        """
        account = self._accounts.get(partition)
        if account is None or offset not in account.open:
            return
        first = next(iter(account.open))
        if first != offset:
            raise Skipped(
                "records-skipped",
                f"{partition}: offset {offset} was processed before {first}; the worker has to "
                "start again from what is committed",
            )
        del account.open[offset]

    def safe(self, partition: Hashable) -> int | None:
        """Tell the offset to commit, the next one to read; None when nothing was delivered."""
        account = self._accounts.get(partition)
        if account is None:
            return None
        return next(iter(account.open), account.highest + 1)

    def forget(self, partitions: Iterable[Hashable]) -> None:
        """Begin anew with partitions that were assigned: they are read from their commit."""
        for partition in partitions:
            self._accounts.pop(partition, None)
