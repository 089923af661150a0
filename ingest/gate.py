"""Who is let in: not more often than a source's limit says, nor faster than events are worked off.

Both refusals come after the request was read, for only then is its source known, and before its
events are taken apart.
"""

from ingest.limit import Buckets
from ingest.shed import Shed
from schemas.sources import Source


class Gate:
    """Limits of sources, and shares while the processors are behind.

    Attributes:
        buckets, shed: kept up to date by somebody else, with what other processes and Kafka tell.
    """

    def __init__(self) -> None:
        self.buckets = Buckets()
        self.shed = Shed()

    def take(self, source: Source, now: int) -> None:
        """Let one request of any kind in; as :meth:`ingest.limit.Buckets.take`."""
        if source.limits.requests_per_second:
            self.buckets.take(source, now)

    def take_events(self, source: Source) -> None:
        """Let the events of one request in; as :meth:`ingest.shed.Shed.take`."""
        self.shed.take(source.id)
