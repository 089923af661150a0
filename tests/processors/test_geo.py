"""Databases of MaxMind's format, made by another hand than the one that reads them."""

import logging
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from deploy.settings import SettingError
from deploy.tiers import locating
from processors.geo import columns, open_geo
from processors.steps.enrich import nowhere
from schemas.errors import Malformed

CITY = {
    "city": {"names": {"de": "Mailand", "en": "Milan"}},
    "country": {"iso_code": "IT", "names": {"en": "Italy"}},
    "subdivisions": [{"iso_code": "25", "names": {"en": "Lombardy"}}, {"iso_code": "MI"}],
    "location": {"latitude": 45.5, "longitude": 9.25, "time_zone": "Europe/Rome"},
}
MILAN = {
    "country": "IT",
    "region": "Lombardy",
    "city": "Milan",
    "timezone": "Europe/Rome",
    "latitude": 45.5,
    "longitude": 9.25,
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "city.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    writer.insert_network(IPSet(["203.0.113.0/24"]), CITY)
    writer.insert_network(IPSet(["2001:db8::/32"]), {"country": {"iso_code": "VN"}})
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": "flat", "city": 5})
    writer.to_db_file(str(path))
    return path


@pytest.mark.parametrize(
    ("ip", "place"),
    [
        ("203.0.113.9", MILAN),
        ("2001:db8::1", {"country": "VN"}),
        ("198.51.100.1", {}),
        ("10.0.0.1", {}),
        ("::1", {}),
        ("no address", {}),
        ("1" * 1000, {}),
        ("", {}),
    ],
)
def test_an_address_is_looked_up(database: Path, ip: str, place: dict[str, Any]) -> None:
    locate = open_geo(database)
    assert locate(ip) == place
    assert locate(ip) == place, "from the cache, too"


@pytest.mark.parametrize(
    ("found", "place"),
    [
        (None, {}),
        ([], {}),
        ({"subdivisions": [{"iso_code": "25"}]}, {"region": "25"}),
        ({"subdivisions": {}}, {}),
        ({"subdivisions": [5]}, {}),
        ({"location": {"latitude": 1, "longitude": "east"}}, {"latitude": 1.0}),
        ({"city": {"names": {"en": "x" * 500}}}, {"city": "x" * 128}),
    ],
)
def test_a_record_may_lack_anything(found: Any, place: dict[str, Any]) -> None:
    assert columns(found) == place


@pytest.mark.parametrize("content", [None, b"", b"no database", b"\xab\xcd\xefMaxMind.com"])
def test_what_is_no_database_is_told_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Malformed, match=r"x\.mmdb is no MaxMind database"):
        open_geo(path)
    with pytest.raises(SettingError, match="HEADRACE_GEOIP: "):
        locating(str(path))


def test_a_worker_locates_with_the_database_of_the_settings(database: Path) -> None:
    assert locating(str(database))("203.0.113.9") == MILAN


def test_without_a_database_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert locating("") is nowhere
    (told,) = caplog.messages
    assert told.startswith("HEADRACE_GEOIP is not set: country, region, city")
