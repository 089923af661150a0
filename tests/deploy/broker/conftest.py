from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.broker.server import Broker, BrokerConfig


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    running = Broker(
        BrokerConfig(
            data=tmp_path / "data",
            port=0,
            min_session_ms=50,
            initial_rebalance_delay_ms=1,
            max_request_bytes=1 << 20,
            maintenance_seconds=3600,
        )
    )
    await running.start()
    yield running
    await running.stop()
