"""What holds for all tests: which run side by side, which run at all, and what faults cost."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.faults.figures import Figures, Report, reporter, rows_of, table

settings.register_profile(
    "unhurried",
    deadline=None,  # a shared core may pause at any moment: slowness is measured elsewhere
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")

_SLOW = "slow_fault"
_TOGETHER = ("tests/browser/", "tests/system/")
_KAFKAS = ("stand-in", "apache-kafka")
_LONG = ("tests/faults/", "tests/system/test_openapi.py")
_LEFT_OUT: set[str] = set()
_FOUND: list[Figures] = []


class _Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Modules side by side, but those that share a pipeline of their folder in one process."""

    def _split_scope(self, nodeid: str) -> str:
        module, _, test = nodeid.partition("::")
        folder = next((each for each in _TOGETHER if module.startswith(each)), "")
        kafka = next((each for each in _KAFKAS if f"[{each}" in test), "")
        shared = folder and (kafka or "system" not in folder)
        return f"{folder}{kafka}" if shared else module

    def schedule(self) -> None:
        """Begin long modules of few tests early: the last of them would have a core for itself."""
        super().schedule()
        for scope in [each for each in self.workqueue if each.startswith(_LONG)]:
            self.workqueue.move_to_end(scope, last=False)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Groups:
    return _Groups(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="also run the slow faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--all-faults"):
        return
    slow = [item for item in items if item.get_closest_marker(_SLOW)]
    _LEFT_OUT.update(item.nodeid for item in slow)
    items[:] = [item for item in items if not item.get_closest_marker(_SLOW)]
    config.hook.pytest_deselected(items=slow)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # of pytest-xdist: what a worker hands to the process that shows the summary
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_SLOW] = sorted(_LEFT_OUT)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _LEFT_OUT.update(getattr(node, "workeroutput", {}).get(_SLOW, ()))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _FOUND.extend(rows_of(report.user_properties))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _FOUND:
        terminalreporter.section("faults")
        for line in table(_FOUND):
            terminalreporter.write_line(line)
    if _LEFT_OUT:
        terminalreporter.section("slow faults")
        terminalreporter.write_line(f"{len(_LEFT_OUT)} run only with `make faults`")


@pytest.fixture(scope="module", autouse=True)
def _leaks_are_told_where_they_are_made() -> Iterator[None]:
    """Warnings of what was never closed come when it is collected: not in a later module."""
    yield
    gc.collect()


@pytest.fixture
def report(record_property: Any, capsys: pytest.CaptureFixture[str]) -> Report:
    """Tell the figures of a fault; each is also printed at once."""
    told = reporter(record_property)

    def report(figures: Figures) -> None:
        with capsys.disabled():
            print(f"\n{figures}")  # noqa: T201 - the report that such a test is for
        told(figures)

    return report
