"""One running stand-in for all the tests that only talk to it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.contracts.clickhouse.curl import Curl
from tests.contracts.clickhouse.stand_in import StandIn


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture(scope="session")
def writer(stand_in: StandIn) -> Curl:
    """Plain HTTP as the writing user."""
    return Curl(stand_in.host, stand_in.port, stand_in.writer, "default")


@pytest.fixture(scope="session")
def reader(writer: Curl, stand_in: StandIn) -> Curl:
    """Plain HTTP as the read-only user."""
    return replace(writer, user=stand_in.reader)
