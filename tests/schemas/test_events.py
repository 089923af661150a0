from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import AHEAD_MS, EARLIEST_MS, Event, clamp_time, iso

NOW = 1_795_196_896_499


def test_an_event_defaults_to_nothing_but_a_profile() -> None:
    event = Event("track", "order")
    assert (event.properties, event.context, event.details) == ({}, {}, {})
    assert (event.event_time, event.sent_at, event.errors) == (None, None, ())
    assert event.profiled


@pytest.mark.parametrize(
    ("event_time", "kept"),
    [
        (None, NOW),
        (NOW - 5, NOW - 5),
        (EARLIEST_MS, EARLIEST_MS),
        (EARLIEST_MS - 1, NOW),
        (NOW + AHEAD_MS, NOW + AHEAD_MS),
        (NOW + AHEAD_MS + 1, NOW),
        (10**30, NOW),
    ],
)
def test_times_outside_belief_become_the_time_of_receipt(event_time: int | None, kept: int) -> None:
    assert clamp_time(event_time, NOW) == kept


@given(st.integers(0, 4_102_444_799_999))
def test_iso_is_of_fixed_width_and_exact(ms: int) -> None:
    text = iso(ms)
    assert len(text) == len("2026-11-20T17:48:16.499Z")
    assert text.endswith("Z")
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo == UTC
    assert round(moment.timestamp() * 1000) == ms
