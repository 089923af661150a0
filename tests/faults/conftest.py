"""Pipelines that a test may break: each test starts its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from tests.contracts.real_kafka import real_kafka
from tests.faults.figures import Report
from tests.faults.measure import Stage
from tests.sinks.conftest import clickhouse, engine, kafka, topics, url
from tests.system.last_words import pytest_runtest_makereport
from tests.system.pipeline import Pipeline

__all__ = [
    "clickhouse",
    "engine",
    "kafka",
    "pytest_runtest_makereport",
    "real_kafka",
    "topics",
    "url",
]

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def make_pipeline(tmp_path: Path) -> Iterator[MakePipeline]:
    """Make pipelines, `make_pipeline("--workers", "2", HEADRACE_KAFKA=...)`, not yet started."""
    made: list[Pipeline] = []

    def make(*options: str, **settings: str) -> Pipeline:
        directory = tmp_path / f"pipeline-{len(made)}"
        directory.mkdir()
        made.append(Pipeline(directory, *options, **settings))
        return made[-1]

    try:
        yield make
    finally:
        for pipeline in made:
            pipeline.close()


@pytest.fixture
def stage(kafka: str, topics: Topics, clickhouse: ClickHouse, report: Report) -> Stage:
    """Fresh topics and empty tables, for a sink to be tried between them."""
    return Stage(kafka, topics, clickhouse, report)
