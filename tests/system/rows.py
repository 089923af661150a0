"""Rows of `headrace.events`: what a test expects of all of them, and what of one."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row

STORED_SECONDS = 60.0
CHOSEN_BY_HEADRACE = frozenset(
    {"event_id", "received_at", "stored_at", "profile_id", "session_id"}
    | {"kafka_partition", "kafka_offset"}
)
_PARTITIONS_OF_ONE_MACHINE = 4


def rows_of(pipeline: Pipeline, source_id: str, count: int) -> list[Row]:
    """Wait for exactly `count` events of a source; in the order they were received."""
    return eventually(
        lambda: pipeline.sql(
            "SELECT * FROM headrace.events FINAL WHERE source_id = {source:String} "
            "ORDER BY received_at, event_time, event_type",
            source=source_id,
        ),
        until=lambda rows: len(rows) >= count,
        within=STORED_SECONDS,
        what=f"{count} events of {source_id} are stored",
    )


def said(row: Row) -> Row:
    """What a row says beyond what headrace chose itself: every column that is not empty."""
    return {
        name: value
        for name, value in row.items()
        if name not in CHOSEN_BY_HEADRACE
        and value not in ("", None, [], {})
        and (value is not False or name == "valid")
    }


def as_json_column(value: Any) -> Any:
    """What is left of a value in a column of type JSON, which has no null and no empty object."""
    if not isinstance(value, dict):
        return value
    inner = {name: as_json_column(item) for name, item in value.items()}
    return {name: item for name, item in inner.items() if item is not None and item != {}}


def milliseconds(moment: str) -> int:
    """Unix ms of a column's text."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def check_bookkeeping(row: Row, *, since_ms: int) -> None:
    """Check the columns that every row has, whoever sent it."""
    assert UUID(row["event_id"]).version in {4, 5, 7}
    assert since_ms <= milliseconds(row["received_at"]) <= milliseconds(row["stored_at"])
    assert milliseconds(row["stored_at"]) <= now_ms()
    assert 0 <= row["kafka_partition"] < _PARTITIONS_OF_ONE_MACHINE
    assert row["kafka_offset"] >= 0


def now_ms() -> int:
    return time.time_ns() // 1_000_000
