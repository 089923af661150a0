"""Sessions as HTTP makes them: cut in event time, whatever order the events come in."""

from typing import Any

import pytest

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.rows import milliseconds, now_ms

pytestmark = pytest.mark.system

MINUTE = 60_000
STORED_SECONDS = 60.0


def sessions(pipeline: Pipeline, source_id: str, events: int) -> list[tuple[str, str, int]]:
    """Wait for so many events in a source's sessions: (start, end, events) of each, by start."""
    rows = eventually(
        lambda: pipeline.sql(
            "SELECT start, end, events FROM headrace.sessions"
            " WHERE source_id = {source:String} ORDER BY start",
            source=source_id,
        ),
        until=lambda found: sum(row["events"] for row in found) >= events,
        within=STORED_SECONDS,
        what=f"{events} events are in sessions of {source_id}",
    )
    return [(row["start"], row["end"], row["events"]) for row in rows]


def test_sessions_are_cut_in_event_time_and_replayed_events_change_nothing(
    pipeline: Pipeline,
) -> None:
    admin = Admin(pipeline)
    key = admin.create("sessions-cut", session_timeout=1800)
    began = now_ms() - 180 * MINUTE

    def visit(*minutes: int) -> None:
        events: list[dict[str, Any]] = [
            {
                "collection": "visit",
                "properties": {
                    "_user": "ann",
                    "_id": f"visit-{minute}",
                    "_time": began + minute * MINUTE,
                },
            }
            for minute in minutes
        ]
        body = {"api": {"api_key": key}, "events": events}
        assert pipeline.client.post_json("/event/batch", body).status == 200

    def expected(*cuts: tuple[int, int, int]) -> list[tuple[int, int, int]]:
        return [
            (began + first * MINUTE, began + last * MINUTE, count) for first, last, count in cuts
        ]

    visit(0, 20, 100)
    visit(10, 45, 90)  # late ones: into the first session, on to its end, before the second
    found = sessions(pipeline, "sessions-cut", 6)
    assert [(milliseconds(a), milliseconds(b), n) for a, b, n in found] == expected(
        (0, 45, 4), (90, 100, 2)
    )
    visit(0, 10, 20, 45, 90, 100)
    visit(110)  # behind the repeated ones in the same partition
    found = sessions(pipeline, "sessions-cut", 7)
    assert [(milliseconds(a), milliseconds(b), n) for a, b, n in found] == expected(
        (0, 45, 4), (90, 110, 3)
    )
