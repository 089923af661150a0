"""EventBunker's names: its headers, the fields of an event, and what they are here."""

from collections.abc import Mapping
from typing import Final

from schemas.query import Column
from schemas.sources import KeyType

CUSTOMER: Final = "customer_identifier"
HEADERS: Final[Mapping[KeyType, str]] = {
    "write": "x-eventbunker-write-key",
    "query": "x-eventbunker-query-key",
    "delete": "x-eventbunker-delete-key",
    "master": "x-eventbunker-apikey",
}
"""Header that carries a key of each type."""

OWN_FIELDS: Final[Mapping[str, Column]] = {
    "event_name": "event_type",
    "timestamp": "event_time",
    CUSTOMER: "group_id",
    "unique_req_id": "event_id",
    "time_recorded": "received_at",
}
"""Fields of every event that are columns here."""

_DERIVED: Final[tuple[Column, ...]] = (
    *("ip", "country", "region", "city"),
    *("user_agent", "browser", "browser_version", "os", "os_version", "device", "device_type"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
)
DERIVED_FIELDS: Final[Mapping[str, Column]] = {f"${name}": name for name in _DERIVED}
"""What the server makes of address, user agent and campaign. EventBunker's names for these are
not published; with the sign they are nobody's field by chance."""

GENERATED: Final = frozenset({"unique_req_id", "time_recorded", *DERIVED_FIELDS})
"""Fields that no event may bring along."""
