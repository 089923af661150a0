"""Switches that make the broker misbehave on purpose, for tests of its clients."""

from dataclasses import dataclass, field

from .errors import Code


@dataclass(slots=True)
class Faults:
    """All off by default; keys are API keys (0 Produce, 1 Fetch, 11 JoinGroup, ...)."""

    delay_seconds: dict[int, float] = field(default_factory=dict)  # answers are held back
    hang_up: set[int] = field(default_factory=set)  # the connection is closed unanswered
    refuse_produce: Code | None = None  # every partition of every Produce gets this code
    refuse_fetch: Code | None = None  # every partition of every Fetch gets this code

    def heal(self) -> None:
        """Behave again."""
        self.delay_seconds.clear()
        self.hang_up.clear()
        self.refuse_produce = self.refuse_fetch = None
