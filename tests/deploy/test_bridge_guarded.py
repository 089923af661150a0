"""A cluster behind TLS and a password, on Apache Kafka: who has both is let in, others told."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from deploy.bridge.connect import consumer_of
from deploy.sealing import seal
from deploy.settings import Settings
from schemas.errors import Malformed
from schemas.kafka_topics import KafkaTopic
from schemas.sources import Source
from tests.contracts.apache_kafka.apache_kafka import ApacheKafka
from tests.contracts.apache_kafka.guarded import MECHANISMS, PASSWORD, USERNAME, Guarded
from tests.contracts.real_kafka import RealKafka, real_kafka
from tests.ingest.kafka import declare

__all__ = ["real_kafka"]

SECONDS = 20.0
SOURCE = Source("shop")


@pytest.fixture
def guarded(real_kafka: RealKafka) -> Guarded:
    if not isinstance(real_kafka, ApacheKafka):
        pytest.skip(f"{real_kafka.name} has no door of ours")
    real_kafka.start()
    return real_kafka.guarded


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(secret="secret", data=tmp_path)


def topic_of(settings: Settings, guarded: Guarded, mechanism: str = "PLAIN") -> KafkaTopic:
    return KafkaTopic(
        "orders",
        servers=guarded.address,
        tls=True,
        ca=guarded.ca,
        certificate=guarded.certificate,
        key=seal(settings.ids(), guarded.key, "shop", "key"),
        sasl=mechanism,
        username=USERNAME,
        password=seal(settings.ids(), PASSWORD, "shop", "password"),
    )


async def topics(settings: Settings, topic: KafkaTopic) -> set[str]:
    consumer = consumer_of(settings, SOURCE, topic)
    try:
        async with asyncio.timeout(SECONDS):
            await consumer.start()
            found: set[str] = await consumer.topics()
            return found
    finally:
        await consumer.stop()


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_who_has_key_and_password_is_let_in(
    settings: Settings,
    guarded: Guarded,
    real_kafka: RealKafka,
    mechanism: str,
) -> None:
    name = f"guarded-{secrets.token_hex(4)}"
    await declare(real_kafka.address, name)
    assert name in await topics(settings, topic_of(settings, guarded, mechanism))


async def test_others_are_not(settings: Settings, guarded: Guarded) -> None:
    right = topic_of(settings, guarded)
    others = [
        replace(right, password=seal(settings.ids(), "wrong", "shop", "password")),
        replace(right, certificate="", key=""),
        replace(right, ca=""),
        replace(right, tls=False, ca="", certificate="", key=""),
    ]
    for wrong in others:
        with pytest.raises((KafkaError, OSError, TimeoutError)):
            await topics(settings, wrong)


def test_what_is_no_certificate_is_told(settings: Settings, guarded: Guarded) -> None:
    right = topic_of(settings, guarded)
    for wrong in (
        replace(right, ca="-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"),
        replace(right, key=seal(settings.ids(), "no key", "shop", "key")),
    ):
        with pytest.raises(Malformed, match="cannot be used") as raised:
            consumer_of(settings, SOURCE, wrong)
        assert raised.value.code == "certificate-invalid"
