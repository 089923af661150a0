"""An ingest that starts while Kafka is away goes by what it knew."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from deploy.declare import declare
from deploy.recall import Recall, Waiting
from deploy.registry import Tail
from deploy.settings import Settings
from schemas import codec
from schemas.catalog import Collection
from schemas.commands import Nothing
from schemas.errors import Unavailable
from schemas.sources import Key, Redirect, Source, hash_key
from tests.ingest.kafka import Kafka, until
from tests.ingest.plain import Counter

LINK = Redirect("spring", "https://shop.example/", "visit")
SHOP = Source("shop", keys=(Key("k1", "write", hash_key("shop-key")),), redirects=(LINK,))
ORDERS = Collection("shop", "orders", {"price": "double"})


def recall_of(settings: Settings, path: Path) -> Recall:
    return Recall(Tail(settings.kafka, settings.topics), settings, path)


async def write(settings: Settings) -> None:
    topics = settings.topics
    await declare(settings.kafka, topics.fixed())
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    await producer.start()
    try:
        value = codec.dumps(SHOP.as_record())
        await producer.send_and_wait(topics.sources.name, value, key=b"shop", partition=0)
        value = ORDERS.as_record()
        await producer.send_and_wait(topics.schemas.name, value, key=ORDERS.key, partition=0)
    finally:
        await producer.stop()


async def test_a_start_without_kafka_knows_what_the_last_run_knew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "known.json"
    monkeypatch.setattr("deploy.recall._PATIENCE_SECONDS", 0.2)
    async with Kafka(tmp_path / "kafka") as kafka:
        settings = Settings(kafka=kafka.address, partitions=4)
        await write(settings)
        first = recall_of(settings, path)
        await first.start()
        assert first.complete
        await until(path.exists)
        await first.stop()
        await kafka.stop()

        cold = recall_of(settings, path)
        await cold.start()
        desk = Waiting(Counter(result="done"), cold)
        assert not cold.complete
        assert cold.registry.find_key("shop-key") == (SHOP, SHOP.keys[0])
        assert cold.registry.get("shop") == SHOP
        assert cold.registry.find_redirect("spring") == (SHOP, LINK)
        assert cold.catalog.get("shop", "orders") == ORDERS
        for look in (cold.registry.get, cold.registry.find_key, cold.registry.find_redirect):
            with pytest.raises(Unavailable, match="Kafka is away"):
                look("new")
        with pytest.raises(Unavailable, match="Kafka is away"):
            await desk.do(Nothing())
        assert desk.is_admin("admin-key")

        await kafka.start()
        await until(lambda: cold.complete)
        assert cold.registry.get("new") is None
        assert cold.catalog.get("shop", "orders") == ORDERS
        assert await desk.do(Nothing()) == "done"
        await cold.stop()


@pytest.mark.parametrize("text", ["", "{", "{}", '{"of": {"kafka": "there", "prefix": "p"}}'])
async def test_what_cannot_be_used_is_not_used(tmp_path: Path, text: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    async with Kafka(tmp_path / "kafka") as kafka:
        settings = Settings(kafka=kafka.address, partitions=4)
        await write(settings)
        recall = recall_of(settings, path)
        await recall.start()
        assert recall.complete
        assert recall.registry.get("shop") == SHOP
        await recall.stop()
