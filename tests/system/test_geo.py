"""`headrace up` with a database of places and a source that keeps networks only."""

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.system.conftest import SOURCE_SECONDS
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, headrace
from tests.system.rows import rows_of

pytestmark = pytest.mark.system


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "city.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    place = {"country": {"iso_code": "VN"}, "city": {"names": {"en": "Hue"}}}
    writer.insert_network(IPSet(["127.0.0.0/8"]), place)
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def up(database: Path, tmp_path: Path) -> Iterator[Pipeline]:
    up = Pipeline(tmp_path, HEADRACE_GEOIP=str(database))
    try:
        yield up
    finally:
        up.close()


def test_an_address_is_located_and_then_cut(up: Pipeline) -> None:
    up.start()
    for source, ip in (("network", "127.0.0.0"), ("nobody", "")):
        made = up.create_source(source, "--ip", "truncate" if ip else "drop")
        key = {"x-eventbunker-write-key": made["keys"][0]["key"]}
        eventually(
            partial(up.client.post_json, "/post", {"event_name": "e"}, **key),
            until=lambda answer: answer.status == HTTPStatus.OK,
            within=SOURCE_SECONDS,
            what=f"{source} is known",
        )
        (row,) = rows_of(up, source, 1)
        assert (row["country"], row["city"], row["ip"]) == ("VN", "Hue", ip)
    assert up.stop() == 0


def test_what_is_no_database_keeps_the_pipeline_from_starting(tmp_path: Path) -> None:
    database = tmp_path / "empty.mmdb"
    database.touch()
    ports = ("--port", "0", "--clickhouse-port", "0", "--kafka-port", "0")
    data = str(tmp_path / "data")
    done = headrace("up", "--data", data, *ports, HEADRACE_GEOIP=str(database))
    assert done.returncode != 0
    assert f"HEADRACE_GEOIP: {database} is no MaxMind database" in done.stdout + done.stderr


def test_without_a_database_a_worker_says_so(tmp_path: Path) -> None:
    up = Pipeline(tmp_path)
    try:
        up.start()
        assert up.stop() == 0
        logs = [log.read_text() for log in (up.data / "logs").glob("process*.log")]
    finally:
        up.close()
    assert sum(log.count("HEADRACE_GEOIP is not set: country, region, city") for log in logs) == 1
