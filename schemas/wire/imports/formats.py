"""Whose exports can be read, by the name that ``--format`` takes."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from schemas.wire.imports import (
    amplitude,
    ga4,
    matomo,
    mixpanel,
    posthog,
    rakam,
    rows,
    segment,
    snowplow,
    tracardi,
)
from schemas.wire.imports.mapped import Mapped
from schemas.wire.imports.plan import ROWS, Plan


class Format(Protocol):
    """The shape of a module that reads one vendor's export; both raise Malformed only."""

    def split(self, row: Any) -> list[Any]:
        """Take a row apart into bodies of events."""

    def read(self, body: Any, plan: Plan) -> Mapped:
        """Understand one of them."""


FORMATS: Final[Mapping[str, Format]] = {
    ROWS: rows,
    "mixpanel": mixpanel,
    "amplitude": amplitude,
    "posthog": posthog,
    "segment": segment,
    "snowplow": snowplow,
    "ga4": ga4,
    "matomo": matomo,
    "tracardi": tracardi,
    "rakam": rakam,
}
