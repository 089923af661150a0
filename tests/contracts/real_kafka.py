"""A real Kafka for tests, wherever one can be had, else the reason why not.

In this order: the address in `HEADRACE_TEST_KAFKA`; the official image when Docker answers;
the official jars when Maven and a JDK are there. Other test folders use `running_kafka()`, or
import the fixture `real_kafka` into their conftest.py: however many do, one node serves all.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from tests.contracts.apache_kafka import apache_kafka, jars
from tests.contracts.kafka_container import ContainerKafka

ADDRESS_VARIABLE = "HEADRACE_TEST_KAFKA"
_DOCKER_SECONDS = 2
_DOCKER_HOST = "unix:///var/run/docker.sock"
_DOCKER_PORT = 2375


class NoKafka(Exception):
    """No real Kafka can be had here; the text says what would change that."""


class RealKafka(Protocol):
    """A Kafka that runs.

    `tuned`: started by us, so retention and cleaning run every half second.
    `restartable`: `kill`, `stop` and `start` work (not on a node that is somebody else's).
    """

    name: str
    tuned: bool
    restartable: bool

    @property
    def address(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def restart(self) -> None: ...


class KafkaAt:
    """A Kafka somebody else runs, at the address given in the environment."""

    tuned = False
    restartable = False

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = f"Kafka at {ADDRESS_VARIABLE}={address}"

    def _refuse(self) -> None:
        raise NoKafka(f"{self.name} is not ours to stop: unset {ADDRESS_VARIABLE}")

    start = stop = kill = restart = _refuse


def docker_answers() -> bool:
    """Return whether a Docker engine answers a ping within two seconds.

    Asked over a plain socket: Docker's own client leaves sockets open when nobody answers.
    """
    host = urlsplit(os.environ.get("DOCKER_HOST") or _DOCKER_HOST)
    family, address = (
        (socket.AF_UNIX, host.path)
        if host.scheme == "unix"
        else (socket.AF_INET, (host.hostname, host.port or _DOCKER_PORT))
    )
    with contextlib.suppress(OSError), socket.socket(family) as connection:
        connection.settimeout(_DOCKER_SECONDS)
        connection.connect(address)
        # over TCP the engine may want TLS first; that somebody listens is as much as we ask
        if family == socket.AF_INET:
            return True
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


@contextlib.contextmanager
def running_kafka() -> Iterator[RealKafka]:
    """Run a real Kafka for the length of the block.

    Raises:
        NoKafka: there is none here.
        CannotStart, Unresolved: there should be one, and it failed: an error, never a skip.

    """
    address = os.environ.get(ADDRESS_VARIABLE)
    if address:
        yield KafkaAt(address)
    elif docker_answers():
        with ContainerKafka() as container:
            yield container
    elif missing := jars.missing_tools():
        raise NoKafka(
            f"no real Kafka: {ADDRESS_VARIABLE} is not set, Docker does not answer, "
            f"{' and '.join(missing)} not found"
        )
    else:
        with apache_kafka.temporary() as kafka:
            yield kafka


class _Shared:
    """One node for all fixtures of a test session, however many folders import the fixture."""

    def __init__(self) -> None:
        self._users = 0
        self._stack = contextlib.ExitStack()
        self._kafka: RealKafka | None = None

    @contextlib.contextmanager
    def use(self) -> Iterator[RealKafka]:
        if self._kafka is None:
            self._kafka = self._stack.enter_context(running_kafka())
        self._users += 1
        try:
            yield self._kafka
        finally:
            self._users -= 1
            if not self._users:
                self._kafka = None
                self._stack.close()


_SHARED = _Shared()


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[RealKafka]:
    with contextlib.ExitStack() as stack:
        try:
            kafka = stack.enter_context(_SHARED.use())
        except NoKafka as reason:
            pytest.skip(str(reason))
        yield kafka
