"""Where an address is, by a database of MaxMind's format; this room's door to maxminddb."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import maxminddb

from processors.steps.enrich import Locate
from schemas.errors import Malformed

CACHED: Final = 16_384
_LONGEST: Final = 64
_LONGEST_NAME: Final = 128
_NOWHERE: Final[Mapping[str, Any]] = {}


def open_geo(path: Path) -> Locate:
    """Open a database such as GeoLite2-City.mmdb; it is mapped into memory, not read.

    A newer file is used after a restart: what an address meant when an event was processed must
    not depend on which worker did it.

    Raises:
        Malformed: ``geoip-unreadable``.
    """
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_AUTO)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise Malformed("geoip-unreadable", f"{path} is no MaxMind database: {error}") from error

    @lru_cache(maxsize=CACHED)
    def look_up(ip: str) -> Mapping[str, Any]:
        try:
            found = reader.get(ip)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return _NOWHERE  # no address, or IPv6 where the database has none, or a torn record
        return columns(found)

    def locate(ip: str) -> Mapping[str, Any]:
        return look_up(ip) if len(ip) <= _LONGEST else _NOWHERE

    return locate


def columns(found: Any) -> dict[str, Any]:
    """Read a record of a City or Country database; names in English, an ISO code for a country."""
    place = _object(found)
    regions = place.get("subdivisions")
    region = _object(regions[0]) if isinstance(regions, list) and regions else {}
    location = _object(place.get("location"))
    texts = {
        "country": _object(place.get("country")).get("iso_code"),
        "region": _name(region) or region.get("iso_code"),
        "city": _name(_object(place.get("city"))),
        "timezone": location.get("time_zone"),
    }
    numbers = {name: location.get(name) for name in ("latitude", "longitude")}
    return {
        **{
            name: text[:_LONGEST_NAME]
            for name, text in texts.items()
            if isinstance(text, str) and text
        },
        **{
            name: float(number)
            for name, number in numbers.items()
            if isinstance(number, int | float)
        },
    }


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NOWHERE


def _name(value: Mapping[str, Any]) -> Any:
    return _object(value.get("names")).get("en")
