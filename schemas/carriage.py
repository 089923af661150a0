"""Requests that come as records of a topic in place of HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.vendor import Request, Vendor


@dataclass(frozen=True, slots=True)
class Carriage:
    """What came as a record of a topic in place of a request.

    Attributes:
        value: JSON, or in a content mode of CloudEvents anything.
        headers: names in lower case; of a repeated header the last.
        source_id: of the event source that the topic fills.
        received_at: when the record was written, Unix ms.
    """

    value: bytes
    headers: Mapping[str, str]
    source_id: str
    received_at: int

    def request(
        self, endpoint: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Request:
        """Write it as a POST."""
        return Request(endpoint, "POST", {}, {}, headers or {}, body, "", self.received_at)


CARRIED: Final = "carried"
"""Stands for the credential of what nobody has to be let in for."""


class Carried(Vendor, Protocol):
    """A vendor whose requests may also come as records of a topic."""

    def carried(self, record: Carriage) -> Request:
        """Make the request that its client would have sent, with a credential that passes.

        Raises Malformed only.
        """
