"""Batches that arrive twice, too early or from the past, as Apache Kafka judges them.

Error codes: https://kafka.apache.org/protocol#protocol_error_codes
"""

import pytest

from tests.contracts.kafka.batches import Writer, batch, new_writer, produce
from tests.contracts.kafka.clients import read_all
from tests.contracts.real_kafka import RealKafka

CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
OUT_OF_ORDER_SEQUENCE_NUMBER = 45
INVALID_PRODUCER_EPOCH = 47
CRC_AT = 17


async def test_each_writer_gets_an_id_of_its_own(broker: RealKafka) -> None:
    first, second = await new_writer(broker), await new_writer(broker)
    assert first.id != second.id
    assert (first.epoch, second.epoch) == (0, 0)


async def test_a_repeated_batch_is_stored_once_and_answered_as_the_first_time(
    broker: RealKafka, topic: str
) -> None:
    writer = await new_writer(broker)
    one = batch(b"a", b"b", writer=writer, sequence=0)
    two = batch(b"c", writer=writer, sequence=2)
    assert await produce(broker, topic, one) == (0, 0)
    assert await produce(broker, topic, two) == (0, 2)
    assert await produce(broker, topic, one) == (0, 0)
    assert await produce(broker, topic, two) == (0, 2)

    assert [record.value for record in await read_all(broker, topic)] == [b"a", b"b", b"c"]


async def test_a_repeated_batch_is_known_after_a_kill(restartable: RealKafka, topic: str) -> None:
    writer = await new_writer(restartable)
    one = batch(b"a", writer=writer, sequence=0)
    assert await produce(restartable, topic, one) == (0, 0)
    restartable.kill()
    restartable.start()
    assert await produce(restartable, topic, one) == (0, 0)
    assert await produce(restartable, topic, batch(b"b", writer=writer, sequence=1)) == (0, 1)
    later = await new_writer(restartable)
    assert later.id > writer.id

    assert [record.value for record in await read_all(restartable, topic)] == [b"a", b"b"]


async def test_a_gap_in_the_sequence_is_refused(broker: RealKafka, topic: str) -> None:
    writer = await new_writer(broker)
    await produce(broker, topic, batch(b"a", writer=writer, sequence=0))
    error, _ = await produce(broker, topic, batch(b"c", writer=writer, sequence=2))
    assert error == OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await produce(broker, topic, batch(b"b", writer=writer, sequence=1)) == (0, 1)


async def test_an_older_epoch_is_refused(broker: RealKafka, topic: str) -> None:
    old = await new_writer(broker)
    new = Writer(old.id, old.epoch + 1)
    assert await produce(broker, topic, batch(b"a", writer=old, sequence=0)) == (0, 0)
    assert await produce(broker, topic, batch(b"b", writer=new, sequence=0)) == (0, 1)
    error, _ = await produce(broker, topic, batch(b"c", writer=old, sequence=1))
    assert error == INVALID_PRODUCER_EPOCH


@pytest.mark.parametrize("damage", ["checksum", "body"])
async def test_a_damaged_batch_is_refused(broker: RealKafka, topic: str, damage: str) -> None:
    data = bytearray(batch(b"a", b"b"))
    data[CRC_AT if damage == "checksum" else -1] ^= 0xFF
    error, _ = await produce(broker, topic, bytes(data))
    assert error == CORRUPT_MESSAGE
    assert await produce(broker, topic, batch(b"whole")) == (0, 0)


async def test_an_unknown_partition_is_named_in_the_answer(broker: RealKafka, topic: str) -> None:
    for name, partition in ((topic, 1), (topic + "-not-there", 0)):
        error, _ = await produce(broker, name, batch(b"a"), partition=partition)
        assert error == UNKNOWN_TOPIC_OR_PARTITION
