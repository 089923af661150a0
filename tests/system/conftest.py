"""One pipeline for all system tests, on each Kafka that can be had."""

import secrets
from collections.abc import Iterator

import pytest

from tests.contracts.real_kafka import RealKafka, real_kafka
from tests.system.eventually import eventually
from tests.system.last_words import pytest_runtest_makereport
from tests.system.pipeline import Pipeline

__all__ = ["pytest_runtest_makereport", "real_kafka"]

SOURCE_SECONDS = 30.0


@pytest.fixture(scope="package", params=["stand-in", "apache-kafka"])
def kafka_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "stand-in":
        return {}
    kafka: RealKafka = request.getfixturevalue("real_kafka")
    return {"HEADRACE_KAFKA": kafka.address, "HEADRACE_PREFIX": f"system-{secrets.token_hex(4)}"}


@pytest.fixture(scope="package")
def pipeline(
    kafka_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """A pipeline that is ready; nothing in these tests stops it."""
    pipeline = Pipeline(tmp_path_factory.mktemp("up"), **kafka_settings)
    try:
        yield pipeline.start()
        assert pipeline.stop() == 0, pipeline.output
    finally:
        pipeline.close()


@pytest.fixture(scope="package")
def sources(pipeline: Pipeline) -> None:
    """The sources whose ids and keys the recorded requests carry, and some to be refused."""
    pipeline.create_source("rakam", "--write-key", "WK")
    pipeline.create_source("filum", "--write-key", "eyJWRITEKEY")
    pipeline.create_source("hook", "--bridge", "webhook")
    pipeline.create_source("closed", "--write-key", "closed-key")
    disabled = pipeline.headrace("sources", "disable", "closed")
    assert disabled.returncode == 0, disabled.stderr
    pipeline.create_source("src1")
    # the registry is read in order, so whoever knows the last source knows them all
    eventually(
        lambda: pipeline.client.post_json("/track", {"source": {"id": "src1"}}).status == 200,
        within=SOURCE_SECONDS,
        what="the new sources are known",
    )
