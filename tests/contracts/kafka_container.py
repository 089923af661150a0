"""Apache Kafka from its official container image, for machines where Docker answers."""

from typing import Self

from testcontainers.core.container import DockerContainer

from tests.contracts.apache_kafka import jars, properties
from tests.contracts.apache_kafka.apache_kafka import CannotStart, free_ports
from tests.contracts.wire import wait_until_answers

_START_SECONDS = 90.0
_INSIDE = 9092


class ContainerKafka:
    """A single node in a container, on one host port for all its lives."""

    tuned = True
    restartable = True

    def __init__(self) -> None:
        self.name = f"Apache Kafka {jars.version()} (container)"
        (self._port,) = free_ports(1)
        self._created = False
        settings = properties.single_node(
            listen=f"0.0.0.0:{_INSIDE}",
            advertised=self.address,
            controller="localhost:9093",
            directory="/tmp/kafka-logs",  # noqa: S108 - inside the container
        )
        self._container = DockerContainer(f"apache/kafka:{jars.version()}")
        self._container.with_bind_ports(_INSIDE, self._port)
        for name, value in properties.as_container_environment(settings).items():
            self._container.with_env(name, value)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._created = True
        if not wait_until_answers(self.address, lambda: True, _START_SECONDS):
            out, err = self._container.get_logs()
            raise CannotStart(f"{self.name} does not answer:\n{(out + err).decode()[-2000:]}")

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._container.stop()
