"""Record batches written by hand, for what no client would send by itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tests.contracts.kafka.clients import HasAddress, ask, eventually

_TIMEOUT_MS = 10_000
_SIZE = 1 << 20
_NOT_LEADER = 6


@dataclass(frozen=True)
class Writer:
    """An idempotent producer's identity, as InitProducerId hands it out."""

    id: int = -1
    epoch: int = -1


async def new_writer(broker: HasAddress) -> Writer:
    answers: list[Any] = []

    async def given() -> bool:
        answers.append(await ask(broker, InitProducerIdRequest(None, _TIMEOUT_MS)))
        return bool(answers[-1].error_code == 0)

    # a broker that has just started may have to ask its controller for a block of ids first
    await eventually(given, lambda: f"no producer id: {answers}")
    return Writer(answers[-1].producer_id, answers[-1].producer_epoch)


def batch(
    *values: bytes,
    times: Sequence[int] = (),
    writer: Writer = Writer(),
    sequence: int = -1,
) -> bytes:
    """Return one uncompressed batch (magic 2); `times` in ms since the epoch, by default now.

    Times far in the past are no good: retention goes by them, and they are gone at once.
    """
    now = time.time_ns() // 1_000_000
    builder = DefaultRecordBatchBuilder(2, 0, 0, writer.id, writer.epoch, sequence, _SIZE)
    for delta, value in enumerate(values):
        builder.append(delta, times[delta] if times else now, None, value, [])
    return bytes(builder.build())


async def produce(
    broker: HasAddress, topic: str, data: bytes, *, partition: int = 0
) -> tuple[int, int]:
    """Send one batch with acks=all; return the error code and the base offset."""
    request = ProduceRequest(None, -1, _TIMEOUT_MS, [(topic, [(partition, data)])])
    answers: list[tuple[int, int]] = []

    async def judged() -> bool:
        answer = await ask(broker, request)
        ((_, ((_, error, offset, *_),)),) = answer.topics
        answers.append((error, offset))
        # as every client does: a broker that has just started takes a moment to lead
        return bool(error != _NOT_LEADER)

    await eventually(judged, f"{topic} has no leader")
    return answers[-1]
