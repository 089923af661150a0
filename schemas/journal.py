"""Which collections changed since one looked last."""

from collections.abc import Iterator

Name = tuple[str, str]
"""Source id and collection."""


class Journal:
    """Remembers of every collection when it changed last, and nothing else.

    Attributes:
        revision: rises with every change; 0 before the first.
    """

    def __init__(self) -> None:
        self._changed: dict[Name, int] = {}
        self.revision = 0

    def note(self, name: Name) -> None:
        """Write down that a collection has just changed."""
        self.revision += 1
        self._changed.pop(name, None)
        self._changed[name] = self.revision

    def since(self, revision: int) -> list[Name]:
        """List what changed after a revision, the oldest change first.

        Takes as long as there are changes, however many collections are known.
        """
        return list(self._back_to(revision))[::-1]

    def _back_to(self, revision: int) -> Iterator[Name]:
        for name, changed in reversed(self._changed.items()):
            if changed <= revision:
                return
            yield name
