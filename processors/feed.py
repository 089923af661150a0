"""What the processors know of the installation."""

from typing import Protocol

from schemas.catalog import Catalog
from schemas.merges import Merges
from schemas.sources import Registry


class SourceFeed(Protocol):
    """The registry of event sources as it changes; deploy gives the tail of its topic."""

    @property
    def registry(self) -> Registry:
        """All sources known now."""

    @property
    def catalog(self) -> Catalog:
        """All schemas known now."""

    @property
    def merges(self) -> Merges:
        """All merged profiles known now."""

    @property
    def version(self) -> int:
        """Grows with every change of a source."""

    async def changed(self, seen: int) -> int:
        """Wait until the version is not ``seen`` any more; returns the new one."""
