"""The spool of an ingest process, as the settings want it."""

import logging
from typing import Final

from deploy.settings import SettingError, Settings
from deploy.tier import clock
from ingest.spool.segment import SUFFIX, Foreign
from ingest.spool.spool import Spool
from schemas.metrics import Metrics

log: Final = logging.getLogger(__name__)
_FOLDER: Final = "spool"
_MEMORY: Final = "known.json"


class Spooling:
    """Starts and stops it, if one is wanted.

    Attributes:
        spool: None with ``HEADRACE_SPOOL_BYTES=0``.
        memory: where sources and schemas are written down; None without a spool.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._root = settings.data / _FOLDER
        limit = settings.spool_bytes
        self.memory = self._root / _MEMORY if limit else None
        self.spool = Spool(self._root, limit=limit, metrics=metrics, clock=clock) if limit else None

    async def start(self) -> None:
        """Open it.

        Raises:
            SettingError: its directory cannot be used; the text says what to do.
        """
        if self.spool is None:
            if any(self._root.glob(f"*/*{SUFFIX}")):
                log.error(
                    "%s holds accepted events of an earlier start: set HEADRACE_SPOOL_BYTES to "
                    "have them sent",
                    self._root,
                )
            return
        try:
            await self.spool.start()
        except OSError as error:
            raise SettingError(
                f"the spool {error.filename or self._root} cannot be used "
                f"({error.strerror or error}): make it writable, set HEADRACE_DATA to another "
                "directory, or HEADRACE_SPOOL_BYTES=0 to do without"
            ) from error
        except Foreign as error:
            raise SettingError(str(error)) from error

    async def stop(self) -> None:
        """Close it; what waits in it stays for the next start."""
        if self.spool is not None:
            await self.spool.stop()
