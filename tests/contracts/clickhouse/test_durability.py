"""What was acknowledged survives the sudden death of the process.

Against the stand-in only: a real server is not ours to kill.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect import get_client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.contracts.clickhouse.stand_in import StandIn

ROWS = 500
WRITERS = 3
ACKNOWLEDGED_BEFORE_DEATH = 15
ROUNDS = 2


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path) as running:
        yield running


def _connect(stand_in: StandIn) -> Any:
    user, password = stand_in.writer
    return get_client(host=stand_in.host, port=stand_in.port, username=user, password=password)


@pytest.mark.faults
def test_every_acknowledged_insert_survives_sigkill(stand_in: StandIn) -> None:
    with_ddl = _connect(stand_in)
    with_ddl.command("CREATE DATABASE kept")
    with_ddl.command(
        "CREATE TABLE kept.t (round UInt8, writer UInt8, batch UInt32, n UInt32) "
        "ENGINE = MergeTree PARTITION BY writer ORDER BY (round, batch, n)"
    )
    acknowledged: set[tuple[int, int, int]] = set()
    for number in range(ROUNDS):
        acknowledged |= _insert_until_killed(stand_in, number)
        stand_in.start()
        client = _connect(stand_in)
        found = client.query(
            "SELECT round, writer, batch, count(), uniqExact(n) FROM kept.t GROUP BY 1, 2, 3"
        ).result_rows
        assert {(rows, different) for *_, rows, different in found} == {(ROWS, ROWS)}
        assert acknowledged <= {(round_, writer, batch) for round_, writer, batch, *_ in found}
    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED_BEFORE_DEATH


def _insert_until_killed(stand_in: StandIn, number: int) -> set[tuple[int, int, int]]:
    acknowledged: set[tuple[int, int, int]] = set()
    enough = threading.Event()

    def insert(writer: int) -> None:
        client = _connect(stand_in)
        for batch in range(10_000):
            rows = [[number, writer, batch, n] for n in range(ROWS)]
            try:
                done = client.insert("kept.t", rows, column_names=["round", "writer", "batch", "n"])
            except DatabaseError:
                return
            assert done.written_rows == ROWS
            acknowledged.add((number, writer, batch))
            if len(acknowledged) >= ACKNOWLEDGED_BEFORE_DEATH:
                enough.set()

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(insert, writer) for writer in range(WRITERS)]
        assert enough.wait(timeout=30)
        stand_in.kill()
        for done in writers:
            done.result()
    return acknowledged


@pytest.mark.faults
def test_tables_of_the_default_database_survive_too(stand_in: StandIn) -> None:
    _connect(stand_in).command("CREATE TABLE here (n UInt32) ENGINE = MergeTree ORDER BY n")
    _connect(stand_in).insert("here", [[1], [2]], column_names=["n"])
    stand_in.kill()
    stand_in.start()
    assert _connect(stand_in).command("SELECT sum(n) FROM here") == 3
    assert stand_in.stop() == 0
    stand_in.start()
    assert _connect(stand_in).command("SELECT sum(n) FROM here") == 3
