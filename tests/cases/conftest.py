"""One pipeline for all cases that run end to end."""

import secrets
from collections.abc import Iterator

import pytest

from tests.system.last_words import pytest_runtest_makereport
from tests.system.pipeline import Pipeline

__all__ = ["pytest_runtest_makereport"]


@pytest.fixture(scope="package")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline that is ready, and whose admin key is in its settings."""
    admin_key = secrets.token_hex(16)
    settings = {"HEADRACE_ADMIN_KEY": admin_key, "HEADRACE_ANSWER_SECONDS": "30"}
    pipeline = Pipeline(tmp_path_factory.mktemp("cases"), **settings)
    try:
        yield pipeline.start()
        assert pipeline.stop() == 0, pipeline.output
    finally:
        pipeline.close()
