"""A browser, a site of another origin for it to visit, and a pipeline for that to send to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, installed
from tests.browser.npm import Unobtainable, packed
from tests.browser.site import Site
from tests.system.last_words import pytest_runtest_makereport
from tests.system.pipeline import Pipeline

__all__ = ["pytest_runtest_makereport"]

RAKAM_JS = "1.0.3"
RAKAM_JS_INTEGRITY = (
    "sha512-KyWazNlLALNr36t0mkYHre/YPd7C5genro2ngi2Z3Oy7K12CqoXiCH/"
    "4NtaM/ZxX8IaAp+TY3rWzrsaK0+DrZQ=="
)

ADMIN = "admin-key-of-the-tests-0123456789abcdef"

_PAGES = Path(__file__).with_name("pages")


def missing(what: str) -> None:
    """Skip for want of a program; in continuous integration that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="package")
def binary() -> str:
    found = installed()
    if not found:
        missing("no browser here: make browser, or install chromium")
    return found


@pytest.fixture(scope="package")
def rakam_js() -> bytes:
    try:
        return packed("rakam-js", RAKAM_JS, RAKAM_JS_INTEGRITY, "rakam.min.js")
    except Unobtainable as error:
        missing(str(error))
        raise


@pytest.fixture(scope="package")
def pipeline(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline of this folder's own; not started where there is no browser to use it."""
    pipeline = Pipeline(tmp_path_factory.mktemp("up"), HEADRACE_ADMIN_KEY=ADMIN)
    try:
        yield pipeline.start()
        assert pipeline.stop() == 0, pipeline.output
    finally:
        pipeline.close()


@pytest.fixture(scope="package")
def site(rakam_js: bytes) -> Iterator[Site]:
    pages = {f"/{page.name}": page.read_bytes() for page in _PAGES.iterdir()}
    with Site({**pages, "/rakam.js": rakam_js}) as site:
        yield site


@pytest.fixture
def browser(binary: str, tmp_path: Path) -> Iterator[Chromium]:
    """A browser that nobody has used: no cookies, no storage."""
    browser = Chromium(binary, tmp_path)
    try:
        yield browser
    finally:
        browser.close()
