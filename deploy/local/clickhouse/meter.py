"""What ``/metrics`` says, in Prometheus' text format."""

from collections import Counter
from collections.abc import Mapping

_HELP = {
    "headrace_clickhouse_statements_total": "statements finished, by kind and error code (0: none)",
    "headrace_clickhouse_statement_seconds_total": "time spent on statements, by kind",
    "headrace_clickhouse_written_rows_total": "rows written by acknowledged inserts",
    "headrace_clickhouse_refused_total": "requests refused before a statement ran, by error code",
    "headrace_clickhouse_admitted": "statements running or waiting now",
    "headrace_clickhouse_sessions": "sessions open now",
}
_KINDS = frozenset(
    {"SELECT", "WITH", "INSERT", "CREATE", "ALTER", "DROP", "SHOW", "DESCRIBE", "SET", "USE"}
    | {"OPTIMIZE", "TRUNCATE", "DELETE", "SYSTEM", "EXISTS", "EXPLAIN"}
)


class Meter:
    """Counters of one stand-in."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def finished(self, kind: str, code: int, seconds: float, written_rows: int = 0) -> None:
        """Count one statement that reached the engine."""
        label = kind.lower() if kind in _KINDS else "other"
        self._add("headrace_clickhouse_statements_total", f'kind="{label}",code="{code}"', 1)
        self._add("headrace_clickhouse_statement_seconds_total", f'kind="{label}"', seconds)
        self._add("headrace_clickhouse_written_rows_total", "", written_rows)

    def refused(self, code: int) -> None:
        """Count one request that was refused before its statement was known."""
        self._add("headrace_clickhouse_refused_total", f'code="{code}"', 1)

    def render(self, gauges: Mapping[str, int]) -> str:
        """The whole page; ``gauges`` are the values that are only known now."""
        lines: list[str] = []
        for name, text in _HELP.items():
            kind = "gauge" if name in gauges else "counter"
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
            if name in gauges:
                lines.append(f"{name} {gauges[name]}")
            for (counted, labels), value in sorted(self._counts.items()):
                if counted == name:
                    lines.append(f"{name}{{{labels}}} {value}" if labels else f"{name} {value}")
        return "\n".join(lines) + "\n"

    def _add(self, name: str, labels: str, value: float) -> None:
        self._counts[name, labels] += value  # type: ignore[assignment]
