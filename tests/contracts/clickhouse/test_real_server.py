"""Whether the laws were held against the real thing."""

import pytest

from tests.contracts.clickhouse.conftest import REAL
from tests.contracts.clickhouse.real import missing


def test_the_laws_also_run_against_a_real_server(request: pytest.FixtureRequest) -> None:
    if reason := missing():
        pytest.skip(reason)
    assert any(REAL in item.name for item in request.session.items)
