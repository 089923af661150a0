"""What the broker counts: plain numbers that whoever runs it can export."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Metrics:
    """Totals since start, except `connections` (open now)."""

    connections: int = 0
    connections_total: int = 0
    connections_refused: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    bad_frames: int = 0
    crashes: int = 0  # requests that ended in an exception nobody expected
    requests: Counter[str] = field(default_factory=Counter)  # by API name
    errors: Counter[str] = field(default_factory=Counter)  # produce and fetch, by code name
    segments_expired: int = 0
    compactions: int = 0
    maintenance_failures: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return the counters under stable names."""
        return {
            "connections": self.connections,
            "connections_total": self.connections_total,
            "connections_refused": self.connections_refused,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "bad_frames": self.bad_frames,
            "crashes": self.crashes,
            "requests": dict(self.requests),
            "errors": dict(self.errors),
            "segments_expired": self.segments_expired,
            "compactions": self.compactions,
            "maintenance_failures": self.maintenance_failures,
        }
