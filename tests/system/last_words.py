"""When a test fails, its report carries the last lines of every tier that was running."""

from collections.abc import Generator

import pytest

from tests.system.pipeline import Pipeline


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for pipeline in Pipeline.known:
            report.sections.append((f"logs of {pipeline.data}", pipeline.last_words()))
    return report
