"""The agent: records in, steps, output; nothing ever escapes it."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import faust
from faust.types import EventT, StreamT, TopicT
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from processors.processing import Processing
from schemas.topics import Topic

logger = logging.getLogger(__name__)

BUFFER_BYTES: Final = 8 << 20
BUFFER_RECORDS: Final = 4096


class Buffer(ThrowableQueue[EventT[bytes]]):
    """Records waiting for the agent, bounded by bytes as well as by number.

    Faust's own queue pauses the partition that filled it, and when every partition is paused
    its fetcher sleeps for a whole second (faust 0.15.3, ``Consumer._wait_next_records``). This
    one makes the fetcher wait for room instead.
    """

    def __init__(self, flow_control: FlowControlEvent) -> None:
        self._weight = 0
        super().__init__(BUFFER_RECORDS, flow_control=flow_control, clear_on_resume=True)

    def full(self) -> bool:
        """Tell whether the fetcher has to wait."""
        return self._weight >= BUFFER_BYTES or super().full()

    def clear(self) -> None:
        """Drop everything when a rebalance begins: it is read again afterwards.

        Faust clears its queues when the flow resumes as well, and it resumes it twice; between
        the two the first new records may be here already. Dropping those would lose them: the
        offsets after them are acknowledged, and the commit goes past the gap. What is really
        from before the rebalance the stream tells by its generation.
        """
        if not self._flow_control.is_active():
            super().clear()
            self._weight = 0

    def put_nowait_enhanced(
        self,
        value: EventT[bytes],
        *,
        on_pressure_high: Callable[..., Any],  # noqa: ARG002 - Faust's signature
        on_pressure_drop: Callable[..., Any],  # noqa: ARG002 - Faust's signature
    ) -> bool:
        """Take a record without ever pausing its partition."""
        self.force_put_nowait(value)
        return False

    def _put(self, item: EventT[bytes]) -> None:
        self._weight += len(item.value or b"")
        super()._put(item)

    def _get(self) -> EventT[bytes]:
        item: EventT[bytes] = super()._get()
        self._weight -= len(item.value or b"")
        return item


class Intake(faust.Channel[bytes]):
    """Where the records of all raw topics meet: one channel, so one agent and one order.

    Every clone shares the one buffer; Faust clones a channel before it iterates over it.
    """

    @property
    def queue(self) -> ThrowableQueue[EventT[bytes]]:
        """The buffer, made when the event loop runs."""
        if self._queue is None:
            self._queue = Buffer(self.app.flow_control)
        return self._queue

    def _clone_args(self) -> Mapping[str, Any]:
        return {**super()._clone_args(), "queue": self.queue}

    def channel_of(self, topic: Topic) -> TopicT:
        """Make the channel that brings a topic's records here once the app is told of it."""
        described = self.app.topic(
            topic.name,
            partitions=topic.partitions,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        return cast("TopicT", described.clone_using_queue(self.queue))


def add_agent(app: faust.App, intake: Intake, processing: Callable[[], Processing]) -> None:
    """Register the one agent of the app, with concurrency 1 for the sake of the order."""

    @app.agent(intake, name="events", concurrency=1)
    async def events(stream: StreamT[bytes]) -> None:
        try:
            await processing().run(cast("faust.Stream[bytes]", stream).noack().events())
        except Exception as error:
            logger.exception("processing stopped; the record is not acknowledged")
            await app.crash(error)
