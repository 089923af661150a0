"""A real ClickHouse server: by its address in the environment, or in a container."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote, urlsplit

from clickhouse_connect import get_client
from clickhouse_connect.driver.exceptions import DatabaseError
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from tests.contracts.real_kafka import docker_answers

VARIABLE = "HEADRACE_TEST_CLICKHOUSE"
_IMAGE = "clickhouse/clickhouse-server:latest"
_HTTP_PORT = 8123


@dataclass(frozen=True)
class Server:
    """A server's address and its two users; ``reader`` is None where none could be made."""

    name: str
    host: str
    port: int
    writer: tuple[str, str]
    reader: tuple[str, str] | None


@cache
def missing() -> str | None:
    """Why there is no real server here; None when there is one."""
    if os.environ.get(VARIABLE) or docker_answers():
        return None
    return f"no real ClickHouse: {VARIABLE} is not set and Docker does not answer"


@contextmanager
def real_server() -> Iterator[Server]:
    """The real server of this machine; there must be one."""
    address = os.environ.get(VARIABLE)
    if address:
        parts = urlsplit(address)
        user = (unquote(parts.username or "default"), unquote(parts.password or ""))
        host, port = parts.hostname or "127.0.0.1", parts.port or _HTTP_PORT
        yield Server(address.rpartition("@")[2], host, port, user, _reader(host, port, user))
        return
    with _container() as server:
        yield server


@contextmanager
def _container() -> Iterator[Server]:
    user = ("writer", secrets.token_hex(8))
    container = DockerContainer(_IMAGE).with_exposed_ports(_HTTP_PORT)
    container.with_env("CLICKHOUSE_USER", user[0]).with_env("CLICKHOUSE_PASSWORD", user[1])
    container.with_env("CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT", "1")
    container.waiting_for(HttpWaitStrategy(_HTTP_PORT, "/ping").for_status_code(200))
    with container:
        host = container.get_container_host_ip()
        port = int(container.get_exposed_port(_HTTP_PORT))
        yield Server(_IMAGE, host, port, user, _reader(host, port, user))


def _reader(host: str, port: int, user: tuple[str, str]) -> tuple[str, str] | None:
    """Make a read-only user; None when this user may not make users."""
    name, password = f"reader_{secrets.token_hex(4)}", secrets.token_hex(8)
    client = get_client(host=host, port=port, username=user[0], password=user[1])
    try:
        client.command(
            f"CREATE USER {name} IDENTIFIED BY '{password}' SETTINGS readonly = 2",
        )
        client.command(f"GRANT SELECT, SHOW, CREATE TEMPORARY TABLE ON *.* TO {name}")
    except DatabaseError as error:
        if error.code == 497:
            return None
        raise
    finally:
        client.close()
    return name, password
