"""One Apache Kafka node (KRaft, broker and controller in one JVM) that tests may kill."""

import base64
import contextlib
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from tests.contracts.apache_kafka import guarded, jars, properties
from tests.contracts.leash import Leashed
from tests.contracts.wire import wait_until_answers

_START_SECONDS = 60.0
_FORMAT_SECONDS = 60.0
_PORT_ATTEMPTS = 3

# no JIT beyond the first tier: a node that lives for a minute starts twice as fast
_JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


class CannotStart(RuntimeError):
    """The node did not come up; the text ends with the last lines of its log."""


def free_ports(count: int) -> list[int]:
    """Return `count` different ports of 127.0.0.1 that were free a moment ago.

    They lie below the range that systems hand out to outgoing connections: while a killed
    node is away, no client's own end of a connection can take its port.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = random.randrange(12_000, 32_000)  # noqa: S311 - not a secret
            with contextlib.suppress(OSError):
                candidate = held.enter_context(socket.socket())
                candidate.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


class ApacheKafka:
    """A single node under `directory`, on 127.0.0.1 and the same port for all its lives.

    `directory` is created and kept; `port` is chosen when left out.
    """

    tuned = True
    restartable = True

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.name = f"Apache Kafka {jars.version()} (official jars)"
        self.directory = directory
        self._wanted_port = port
        self._port = 0
        self._guarded: guarded.Guarded | None = None
        self._process: Leashed | None = None

    @property
    def address(self) -> str:
        """`host:port`, for a client's bootstrap servers."""
        return f"127.0.0.1:{self._port}"

    @property
    def guarded(self) -> guarded.Guarded:
        """The door with certificates and passwords."""
        assert self._guarded is not None, "not started"
        return self._guarded

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def tail(self) -> str:
        """Return the last lines of the node's log."""
        return self._process.tail() if self._process else "it was never started"

    def start(self) -> None:
        """Start the node and return when it answers; the first time, format its storage.

        Raises:
            CannotStart: it ended early or did not answer within a minute.
            Unresolved: Maven could not deliver the jars.

        """
        if self.running:
            return
        if self._port:
            self._launch()
            return
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self._configure()
            try:
                self._launch()
            except CannotStart:
                # somebody took the free port between our choice and the bind
                taken = "Address already in use" in self.tail()
                if self._wanted_port or not taken or attempt == _PORT_ATTEMPTS:
                    raise
            else:
                return

    def stop(self) -> None:
        """End it the orderly way, as `kafka-server-stop` does."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        """Stop if it runs, then start on the same data and port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _configure(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        client, controller, door = free_ports(3)
        self._port = self._wanted_port or client
        self._guarded = guarded.make(self.directory, f"127.0.0.1:{door}")
        text = properties.as_file(
            properties.single_node(
                listen=self.address,
                advertised=self.address,
                controller=f"127.0.0.1:{controller}",
                directory=str(self.directory / "data"),
                guarded=self.guarded.address,
            )
            | guarded.properties(self.directory)
        )
        (self.directory / "server.properties").write_text(text)
        if not (self.directory / "data" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        # `=` in front: a cluster id may start with a dash
        users = guarded.users()
        tool = self._java(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", *users, "-c"
        )
        status = tool.wait(_FORMAT_SECONDS)
        if status != 0:
            raise CannotStart(f"formatting the storage failed ({status}):\n{tool.tail()}")

    def _launch(self) -> None:
        process = self._process = self._java("kafka.Kafka")
        if not wait_until_answers(self.address, lambda: process.running, _START_SECONDS):
            state = "does not answer" if process.running else "ended early"
            process.kill()
            raise CannotStart(f"{self.name} {state} at {self.address}:\n{process.tail()}")

    def _java(self, main: str, *arguments: str) -> Leashed:
        classpath = str(jars.resolve() / "*")
        configuration = str(self.directory / "server.properties")
        return Leashed(
            ["java", *_JVM, "-cp", classpath, main, *arguments, configuration],
            self.directory / "kafka.log",
        )


@contextlib.contextmanager
def temporary(port: int | None = None) -> Iterator[ApacheKafka]:
    """Run a node in a temporary directory that goes away with it."""
    with (
        TemporaryDirectory(prefix="apache-kafka-", ignore_cleanup_errors=True) as directory,
        ApacheKafka(Path(directory), port) as kafka,
    ):
        yield kafka
