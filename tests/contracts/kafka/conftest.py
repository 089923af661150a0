"""Every law runs against the stand-in, always, and against a real Kafka where there is one."""

import logging
from collections.abc import Iterator

import pytest

from tests.contracts.kafka.clients import create_topic
from tests.contracts.kafka.stand_in import StandIn
from tests.contracts.real_kafka import RealKafka, real_kafka

__all__ = ["broker", "real_kafka", "stand_in", "topic"]

STAND_IN = "stand-in"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "stand_in_differs(reason): a known, accepted difference of the stand-in"
    )


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> Iterator[None]:
    """A client whose broker is being killed logs every attempt to reach it."""
    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    yield
    log.setLevel(before)


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    with StandIn(tmp_path_factory.mktemp("stand-in")) as running:
        yield running


@pytest.fixture(scope="session", params=[STAND_IN, "apache-kafka"])
def _each_broker(request: pytest.FixtureRequest) -> RealKafka:
    name = "stand_in" if request.param == STAND_IN else "real_kafka"
    running: RealKafka = request.getfixturevalue(name)
    return running


@pytest.fixture
def broker(_each_broker: RealKafka, request: pytest.FixtureRequest) -> RealKafka:
    """The broker under law: running, whatever the law before did to it."""
    marker = request.node.get_closest_marker("stand_in_differs")
    if marker and isinstance(_each_broker, StandIn):
        request.node.add_marker(pytest.mark.xfail(strict=True, reason=marker.args[0]))
    if _each_broker.restartable:
        _each_broker.start()
    return _each_broker


@pytest.fixture
def restartable(broker: RealKafka) -> RealKafka:
    """A broker that the law may kill."""
    if not broker.restartable:
        pytest.skip(f"{broker.name} is not ours to stop")
    return broker


@pytest.fixture
def tuned(broker: RealKafka) -> RealKafka:
    """A broker that cleans up every half second, so that a law can wait for it."""
    if not broker.tuned:
        pytest.skip(f"{broker.name} may clean up minutes from now")
    return broker


@pytest.fixture
async def topic(broker: RealKafka) -> str:
    """A fresh topic with one partition."""
    return await create_topic(broker)
