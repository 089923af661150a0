"""Whose exports can be read, by the name that ``--format`` takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

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


def _alone(row: Any) -> list[Any]:
    return [row]


@dataclass(frozen=True, slots=True)
class Format:
    """How one vendor's export is read; both raise Malformed only.

    Attributes:
        read: understands the body of an event.
        split: takes a row apart into bodies of events; most rows are one.
    """

    read: Callable[[Any, Plan], Mapped]
    split: Callable[[Any], list[Any]] = _alone


FORMATS: Final[Mapping[str, Format]] = {
    ROWS: Format(rows.read),
    "mixpanel": Format(mixpanel.read),
    "amplitude": Format(amplitude.read),
    "posthog": Format(posthog.read),
    "segment": Format(segment.read),
    "snowplow": Format(snowplow.read),
    "ga4": Format(ga4.read),
    "matomo": Format(matomo.read, matomo.split),
    "tracardi": Format(tracardi.read),
    "rakam": Format(rakam.read),
}
