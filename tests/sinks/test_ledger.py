"""The sink's part of the ledger, and the audit that finds an offset that was skipped."""

from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.audit import Audited, audit
from deploy.books import Keeper
from deploy.settings import Settings
from schemas import codec
from schemas.ledger import Book, Counts, minute_of
from schemas.metrics import Metrics
from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from tests.sinks import flow
from tests.sinks.flow import clock, committed, eventually, produce, sinking
from tests.sinks.lines import NOVEMBER, event, event_id, packed

MINUTE = minute_of(NOVEMBER)


async def declared(kafka: str, topics: Topics) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        known = (topics.sources, topics.schemas, topics.overrides, topics.webhooks)
        wanted = (*known, topics.ledger)
        made = [NewTopic(topic.name, topic.partitions, 1) for topic in wanted]
        await admin.create_topics([*made, NewTopic(topics.raw("shop").name, topics.partitions, 1)])
    finally:
        await admin.close()


async def commit(kafka: str, group: str, place: TopicPartition, offset: int) -> None:
    """Move a group that nobody is in."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.commit({place: offset})
    finally:
        await consumer.stop()


def accepted(number: int) -> bytes:
    """As much of a raw event as is needed to know it again."""
    line = {"event_id": event_id(number), "source_id": "shop", "received_at": NOVEMBER}
    return codec.dumps(line)


async def test_a_skipped_offset_is_named_and_a_gap_in_the_ledger_is_none(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse, tmp_path: Path
) -> None:
    await declared(kafka, topics)
    edge, process, sink = (Book(tier, clock) for tier in ("edge", "process", "sink"))
    books = {"edge": edge, "process": process, "sink": sink}
    keepers = [Keeper(kafka, topics, books[n], Metrics(), n) for n in books]
    raw = topics.raw("shop").name
    settings = Settings(
        kafka=kafka,
        clickhouse=url,
        data=tmp_path,
        prefix=topics.prefix,
        partitions=topics.partitions,
        secret="of no use",
        clickhouse_given=True,
    )
    records = [packed(event(2 * n), event(2 * n + 1)) for n in range(4)]
    await produce(kafka, raw, [(0, packed(accepted(2 * n), accepted(2 * n + 1))) for n in range(4)])
    await produce(kafka, topics.events.name, [(0, record) for record in records])
    for offset in range(4):
        edge.note((raw, 0, offset), "shop", MINUTE, Counts(2))
        process.note((raw, 0, offset), "shop", MINUTE, Counts(2), (offset, offset))
    await commit(kafka, settings.process_group, TopicPartition(raw, 0), 4)
    skipped = TopicPartition(topics.events.name, 0)
    await commit(kafka, settings.sink_group, skipped, 1)  # offset 0 is read by nobody
    for keeper in keepers:
        await keeper.start()
    async with sinking(kafka, topics, url, group=settings.sink_group, book=sink):
        await flow.has_stored(clickhouse, 6)

        async def done() -> bool:
            return await committed(kafka, topics, settings.sink_group) == 4

        # rows are seen before the sink has told its book of them
        await eventually(done, "the sink has committed")
        for keeper in keepers:
            await keeper.stop()

        async def kept() -> bool:
            rows = await flow.ask(clickhouse, "SELECT count() FROM @ledger")
            return int(rows[0][0]) >= 3

        await eventually(kept, "the ledger is in its table")
    found = await audit(settings, clock() - 3_600_000)
    expect_the_first_to_be_missing(found, topics)
    # without a word of the sink the rows themselves are looked for
    await clickhouse.command(f"TRUNCATE TABLE {clickhouse.database}.ledger")
    expect_the_first_to_be_missing(await audit(settings, clock() - 3_600_000), topics)


def expect_the_first_to_be_missing(found: Audited, topics: Topics) -> None:
    assert found.missing == 2
    (finding,) = found.findings
    assert (finding.topic, finding.partition, finding.offsets) == (topics.events.name, 0, {0})
    assert (finding.source_id, finding.minute, finding.why) == ("shop", MINUTE, "skipped")
    assert sorted(finding.sample) == sorted([event_id(0), event_id(1)])
