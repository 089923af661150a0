"""Every law runs against the stand-in, always, and against a real server where there is one.

Where there is none, `test_real_server.py` says so, once.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from clickhouse_connect import get_client
from clickhouse_connect.driver import create_async_client

from tests.contracts.clickhouse.curl import Curl
from tests.contracts.clickhouse.real import Server, missing, real_server
from tests.contracts.clickhouse.stand_in import StandIn

REAL = "clickhouse-server"
Clients = Callable[..., Any]


@pytest.fixture(scope="session", params=["stand-in"] + ([] if missing() else [REAL]))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StandIn | Server]:
    if request.param == "stand-in":
        with StandIn(tmp_path_factory.mktemp("clickhouse")) as stand_in:
            yield stand_in
    else:
        with real_server() as real:
            yield real


@pytest.fixture(scope="session")
def database(server: StandIn | Server) -> Iterator[str]:
    """A database that only this session knows."""
    name = f"laws_{secrets.token_hex(6)}"
    user, password = server.writer
    client = get_client(host=server.host, port=server.port, username=user, password=password)
    client.command(f"CREATE DATABASE {name}")
    yield name
    client.command(f"DROP DATABASE {name}")
    client.close()


@pytest.fixture(scope="session")
def connect(server: StandIn | Server, database: str) -> Iterator[Clients]:
    """Make stock clients of the writing user; arguments go to ``get_client``."""
    with ExitStack() as open_clients:

        def make(**given: Any) -> Any:
            user, password = server.writer
            settings = {"username": user, "password": password, "database": database} | given
            client = get_client(host=server.host, port=server.port, **settings)
            open_clients.callback(client.close)
            return client

        yield make


@pytest.fixture(scope="session")
def client(connect: Clients) -> Any:
    """A client of the writing user."""
    return connect()


@pytest.fixture(scope="session")
def reader_login(server: StandIn | Server) -> tuple[str, str]:
    if server.reader is None:
        pytest.skip(f"{server.name}: this user may not make a read-only one")
    return server.reader


@pytest.fixture(scope="session")
def reader(connect: Clients, reader_login: tuple[str, str]) -> Any:
    """A client of the read-only user."""
    return connect(username=reader_login[0], password=reader_login[1])


@pytest.fixture
async def async_client(server: StandIn | Server, database: str) -> AsyncIterator[Any]:
    user, password = server.writer
    client = await create_async_client(
        host=server.host, port=server.port, username=user, password=password, database=database
    )
    yield client
    await client.close()


@pytest.fixture(scope="session")
def curl(server: StandIn | Server, database: str) -> Curl:
    """Plain HTTP, as the writing user."""
    return Curl(server.host, server.port, server.writer, database)


@pytest.fixture
def table(client: Any) -> Iterator[Callable[[str], str]]:
    """Make tables: ``table("(a UInt32) ENGINE = Memory")`` returns a fresh name."""
    made: list[str] = []

    def make(definition: str) -> str:
        made.append(f"t_{secrets.token_hex(6)}")
        client.command(f"CREATE TABLE {made[-1]} {definition}")
        return made[-1]

    yield make
    for name in made:
        client.command(f"DROP TABLE IF EXISTS {name}")
