"""The closed list of metric names, and counters for them in Prometheus' text format."""

from typing import Final

NAMES: Final[dict[str, str]] = {
    "headrace_ingest_requests_total": "requests by protocol and HTTP status",
    "headrace_ingest_events_total": "events accepted, by source",
    "headrace_ingest_refused_total": "requests refused, by reason code",
    "headrace_ingest_records_total": "packed records made safe, with the broker or on disk",
    "headrace_ingest_inflight_bytes": "bytes taken and not yet safe",
    "headrace_ingest_spool_bytes": "bytes of the spool on disk",
    "headrace_ingest_spool_records": "packed records in the spool that wait for the broker",
    "headrace_ingest_spool_oldest_seconds": "age of the oldest of them",
    "headrace_ingest_spooled_total": "packed records written to the spool",
    "headrace_ingest_spool_drained_total": "packed records sent from the spool and acknowledged",
    "headrace_ingest_spool_syncs_total": "times the spool was forced to disk",
    "headrace_ingest_calls_total": "commands done for callers, by command and outcome",
    "headrace_ingest_asked_total": "answers of the processors waited for, by outcome",
    "headrace_ingest_admitted_share": "of a source's requests, 1 while its events are worked off",
    "headrace_ingest_heartbeats_total": "heartbeats of this ingest process, by outcome",
    "headrace_process_records_total": "packed raw records processed",
    "headrace_process_events_total": "canonical events written",
    "headrace_process_unsaved_total": "events processed and by their client's wish not stored",
    "headrace_process_answers_total": "answers written for waiting edges",
    "headrace_process_merges_total": "merges of profiles written",
    "headrace_process_changes_total": "changes of profiles written",
    "headrace_process_invalid_values_total": "single values noted as not fitting, by reason",
    "headrace_process_decisions_total": "changes of collections by new properties, by outcome",
    "headrace_process_dead_total": "dead letters written by the processors, by reason code",
    "headrace_sink_rows_total": "rows acknowledged by ClickHouse, by table",
    "headrace_sink_inserts_total": "inserts acknowledged by ClickHouse, by table",
    "headrace_sink_insert_seconds_total": "time waited for acknowledged inserts, by table",
    "headrace_sink_buffered_rows": "rows read and not yet handed to an insert",
    "headrace_sink_retries_total": "inserts tried again, by reason code",
    "headrace_sink_fenced_total": "rows skipped because they had already landed",
    "headrace_sink_duplicates_total": "rows skipped because their event id was written just before,"
    " by table and source",
    "headrace_sink_swept_total": "customers whose events were stored after they had been erased",
    "headrace_sink_sweep_failures_total": "looks for such events that failed, by reason code",
    "headrace_erasures_pending": "erasures of people not known to be out of all files yet",
    "headrace_erasures_pending_oldest_seconds": "since the oldest of these erasures was asked for",
    "headrace_erasure_rows_total": "rows of people erased that this sink deleted, by table",
    "headrace_expired_rows_total": "rows older than their source keeps any, by table",
    "headrace_sink_views_total": "views made or replaced because their collection had changed",
    "headrace_sink_view_failures_total": "attempts to keep views that failed, by reason code",
    "headrace_sink_profiles_total": "profiles whose changes were folded anew, by outcome",
    "headrace_sink_overrides_total": "profiles written down as going on as another one",
    "headrace_sink_stale_profiles_total": "profiles whose row did not hold all of their changes",
    "headrace_sink_profile_failures_total": "attempts to follow merges that failed, by reason code",
    "headrace_sink_dead_total": "rows isolated as poison, by reason code",
    "headrace_sink_lag_records": "records between the committed offset and the end, all partitions",
    "headrace_sink_last_insert_ms": "Unix ms of the last acknowledged insert",
    "headrace_heartbeats_total": "heartbeats that this sink stored and saw in a SELECT",
    "headrace_heartbeat_seconds_total": "time they took from the edge to that SELECT",
    "headrace_heartbeat_seconds": "time that the last of them took",
    "headrace_heartbeat_age_seconds": "since the last heartbeat that any sink stored was sent",
    "headrace_heartbeat_failures_total": "heartbeats not stored or not asked for, by reason code",
    "headrace_lag_records": "records written and not yet committed by a tier, all partitions",
    "headrace_lag_seconds": "age of the oldest of them, 0 when all are younger than one heartbeat",
    "headrace_last_success_ms": "Unix ms of the last time that a tier was seen to do its work",
    "headrace_lag_failures_total": "attempts to see how far the tiers are that failed",
    "headrace_ledger_entries_total": "entries of the ledger acknowledged by the broker",
    "headrace_ledger_dropped_total": "entries dropped for want of room",
    "headrace_bridge_records_total": "records read from topics of event sources, by source",
    "headrace_bridge_events_total": "events made of them and acknowledged by the broker, by source",
    "headrace_bridge_unread_total": "values that could not be read, by source and reason code",
    "headrace_bridge_tombstones_total": "records without a value, which say nothing, by source",
    "headrace_bridge_lag_records": "records that this worker has not read yet, by source",
    "headrace_bridge_lag_seconds": "age of the last record read while there are more, by source",
    "headrace_bridge_up": "1 while a source's topic is read, 0 while it cannot be, by source",
    "headrace_bridge_failures_total": "times that a source's topic could not be read on, by source",
    "headrace_task_runs_total": "runs of scheduled tasks that ended here, by task and outcome",
    "headrace_task_run_seconds_total": "time they took, by task",
    "headrace_task_events_total": "events of theirs acknowledged by the broker, by source",
    "headrace_task_requests_total": "HTTP requests of theirs, by class of status or reason code",
    "headrace_task_last_success_ms": "Unix ms of the last run here that came to its end, by task",
    "headrace_task_late_seconds": "since the oldest run that is this worker's to begin was due",
    "headrace_task_failures_total": "times that a task could not be looked after, by reason code",
    "headrace_tasks": "tasks that are this worker's to run, by status",
    "headrace_broker_requests_total": "requests by API",
    "headrace_broker_errors_total": "error answers by code",
    "headrace_broker_bytes_in": "bytes received",
    "headrace_broker_bytes_out": "bytes sent",
    "headrace_broker_syncs": "times the log was forced to disk",
    "headrace_broker_rebalances": "rebalances of all groups",
    "headrace_broker_connections": "open connections",
    "headrace_broker_log_bytes": "bytes on disk in all partitions",
}
"""Name -> meaning. A name that is not here cannot be counted."""


class Metrics:
    """Counters and gauges of one process; cheap enough per batch, never called per event."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        """Raise a counter. A name outside :data:`NAMES` is a KeyError: a typo, found by tests."""
        NAMES[name]
        key = (name, tuple(sorted(labels.items())))
        self._values[key] = self._values.get(key, 0) + value

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        NAMES[name]
        self._values[(name, tuple(sorted(labels.items())))] = value

    def get(self, name: str, **labels: str) -> float:
        """Read one value; 0 when it was never touched."""
        NAMES[name]
        return self._values.get((name, tuple(sorted(labels.items()))), 0)

    def text(self) -> str:
        """Write everything in Prometheus' text exposition format, version 0.0.4."""
        lines: list[str] = []
        last = ""
        for (name, labels), value in sorted(self._values.items()):
            if name != last:
                kind = "counter" if name.endswith("_total") else "gauge"
                lines += [f"# HELP {name} {NAMES[name]}", f"# TYPE {name} {kind}"]
                last = name
            text = ",".join(f'{label}="{_escape(item)}"' for label, item in labels)
            lines.append(f"{name}{{{text}}} {value:.17g}" if text else f"{name} {value:.17g}")
        return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
