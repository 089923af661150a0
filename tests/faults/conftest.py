"""Pipelines that a test may break: each test starts its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contracts.real_kafka import real_kafka
from tests.system.last_words import pytest_runtest_makereport
from tests.system.pipeline import Pipeline

__all__ = ["pytest_runtest_makereport", "real_kafka"]

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
