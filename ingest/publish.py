"""Lines -> records that are safe: acknowledged by the broker, or on disk while it is away."""

from collections.abc import Callable, Mapping
from typing import Final

from ingest.gather import Gatherer, unavailable
from ingest.kafka import Compression, Kafka
from ingest.spool.drain import Drain
from ingest.spool.spool import Spool
from schemas.errors import Unavailable
from schemas.ledger import UNKNOWN, Book
from schemas.metrics import Metrics

_DRAIN_SECONDS: Final = 8.0


class KafkaPublisher:
    """Packs lines of concurrent requests into records and waits until they are safe.

    How lines gather is :class:`ingest.gather.Gatherer`'s matter, how records are sent
    :class:`ingest.kafka.Kafka`'s. A record that is not acknowledged in time may have been written
    all the same.

    With a spool, that record and all that follow of its partition go there, until the broker is
    back and has the spool's. The record may then come twice, with the same event ids. Without
    one, clients are told to retry, and while the broker is known to be away every call fails at
    once; a retry that carries the same event id collapses with the first, one without an id of
    its own is a second event.

    Args:
        linger_ms: the longest a line waits for company when nothing else holds it up.
        ack_timeout_s: from handing a record to the producer to its acknowledgement.
        max_inflight_bytes: lines accepted and not yet safe, all topics together.
        compression: of record batches. By zstd they are a tenth to a fifth as large, which saves
            the broker and every reader more than it costs here; lz4 costs more in aiokafka.
        clock: Unix ms, the records' timestamps.
        ledger: is told of every acknowledged record.
        spool: started before and stopped after this by the caller.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        linger_ms: float = 5,
        ack_timeout_s: float = 5.0,
        max_inflight_bytes: int = 48 << 20,
        compression: Compression = "zstd",
        metrics: Metrics,
        clock: Callable[[], int],
        ledger: Book | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._spool = spool
        self._kafka = Kafka(
            bootstrap,
            ack_timeout_s=ack_timeout_s,
            compression=compression,
            clock=clock,
            ledger=ledger,
            on_away=self._fail_fast,
        )
        self._gatherer = Gatherer(
            self._deliver,
            linger=linger_ms / 1000,
            max_inflight=max_inflight_bytes,
            metrics=metrics,
        )
        self._drain = Drain(spool, self._kafka.send, lambda: self._kafka.trouble) if spool else None
        self._stopping = False

    @property
    def trouble(self) -> str:
        """Why records cannot be made safe at present; empty while they can."""
        if self._stopping:
            return "shutting down"
        if self._kafka.trouble and self._spool is not None:
            return self._spool.trouble
        return self._kafka.trouble

    @property
    def detail(self) -> str:
        """What waits on disk, or is about to; empty while records go straight to the broker."""
        spool, away = self._spool, self._kafka.trouble
        if spool is None or not (away or not spool.empty):
            return ""
        first = f"accepting into the spool: {away}" if away else "draining the spool"
        stuck = next(iter(self._drain.stuck.values()), "") if self._drain else ""
        return f"{first}; {spool.records} records wait" + (f"; {stuck}" if stuck else "")

    async def start(self) -> None:
        """Begin to connect, and return when the first attempt has ended either way.

        A broker that is not up yet is tried again until :meth:`stop`.
        """
        await self._kafka.start()
        if self._drain is not None:
            await self._drain.start()

    async def stop(self) -> None:
        """Refuse what comes, finish what was taken, drain the spool for a while, disconnect."""
        self._stopping = True
        await self._gatherer.drained()
        if self._drain is not None:
            await self._drain.stop(_DRAIN_SECONDS)
        await self._kafka.stop()

    async def publish(
        self, topic: str, lines: Mapping[int, list[bytes]], received_at: int = UNKNOWN
    ) -> None:
        """Return when every line is in a record that all in-sync replicas have, or on disk.

        Cancelling the call does not take the lines back.

        Args:
            lines: partition -> JSON lines, each below ``MAX_EVENT_BYTES``.
            received_at: when the request came, Unix ms, for the ledger.

        Raises:
            Unavailable: ``broker-unavailable`` when the broker refuses a record or, without a
                spool, is away or does not acknowledge in time, see the class for what that
                leaves open; ``spool-full``, ``disk-full`` (507) or ``spool-unwritable`` when a
                record is safe nowhere; ``overloaded`` when too many bytes are under way, then
                nothing was sent.
        """
        if self._stopping or (self._spool is None and self._kafka.trouble):
            raise unavailable(self.trouble)
        await self._gatherer.put(topic, lines, received_at)

    async def _deliver(
        self, topic: str, partition: int, value: bytes, minutes: Mapping[int, int]
    ) -> Unavailable | None:
        """Make one record safe, or tell why it is not known to be."""
        spool, drain, lane = self._spool, self._drain, (topic, partition)
        if spool is None or drain is None:
            unsent = await self._kafka.send(topic, partition, value, minutes)
            return unavailable(unsent.why) if unsent else None
        if lane in drain.stuck:
            return unavailable(drain.stuck[lane])
        if not self._kafka.trouble and (spool.empty or await drain.is_past(lane)):
            unsent = await self._kafka.send(topic, partition, value, minutes)
            if unsent is None:
                return None
            if unsent.final:
                return unavailable(unsent.why)
        return await spool.put(lane, value)

    def _fail_fast(self, why: str) -> None:
        """Give up at once what has not been sent, where it has no other place to go."""
        if self._spool is None:
            self._gatherer.fail(why)
